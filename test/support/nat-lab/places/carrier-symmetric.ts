import { portRestricted } from '../gateways/port-restricted';
import { symmetric } from '../gateways/symmetric';
import type { Place } from '../place';

export const carrierSymmetric: Place = {
  name: 'carrier-symmetric',
  about: "behind a home's NAT behind a carrier's NAT with a random port for every destination",
  families: [4],
  gateways: [portRestricted, symmetric],
};
