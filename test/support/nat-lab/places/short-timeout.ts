import { shortTimeout as gateway } from '../gateways/short-timeout';
import type { Place } from '../place';

export const shortTimeout: Place = {
  name: 'short-timeout',
  about: 'behind a NAT that forgets after seconds',
  families: [4],
  gateways: [gateway],
};
