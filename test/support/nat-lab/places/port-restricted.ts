import { portRestricted as gateway } from '../gateways/port-restricted';
import type { Place } from '../place';

export const portRestricted: Place = {
  name: 'port-restricted',
  about: 'behind a NAT with address and port-dependent filtering',
  families: [4],
  gateways: [gateway],
};
