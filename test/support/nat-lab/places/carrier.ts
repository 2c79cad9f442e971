import { cone } from '../gateways/cone';
import { portRestricted } from '../gateways/port-restricted';
import type { Place } from '../place';

/** RFC 6888 asks of a carrier's NAT what RFC 4787 asks of all: endpoint-independent mapping. */
export const carrier: Place = {
  name: 'carrier',
  about: "behind a home's NAT behind a carrier's NAT (paper, Figure 10)",
  families: [4],
  gateways: [portRestricted, cone],
};
