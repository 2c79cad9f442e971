import { addressRestricted as gateway } from '../gateways/address-restricted';
import type { Place } from '../place';

export const addressRestricted: Place = {
  name: 'address-restricted',
  about: 'behind a NAT with address-dependent filtering',
  families: [4],
  gateways: [gateway],
};
