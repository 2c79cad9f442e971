import { udpBlocked as gateway } from '../gateways/udp-blocked';
import type { Place } from '../place';

export const udpBlocked: Place = {
  name: 'udp-blocked',
  about: 'behind a firewall that blocks UDP',
  families: [4],
  gateways: [gateway],
};
