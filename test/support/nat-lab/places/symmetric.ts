import { symmetric as gateway } from '../gateways/symmetric';
import type { Place } from '../place';

export const symmetric: Place = {
  name: 'symmetric',
  about: 'behind a NAT with a random port for every destination',
  families: [4],
  gateways: [gateway],
};
