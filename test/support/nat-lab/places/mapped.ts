import { mapping } from '../gateways/mapping';
import type { Place } from '../place';

export const mapped: Place = {
  name: 'mapped',
  about: 'behind a NAT with a random port for every destination, which maps a port to who asks for one',
  families: [4],
  gateways: [mapping],
  line: '12.0.0', // miniupnpd maps none of an address for documentation
};
