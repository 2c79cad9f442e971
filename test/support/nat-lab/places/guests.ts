import { coneHairpin } from '../gateways/cone-hairpin';
import { portRestricted } from '../gateways/port-restricted';
import type { Place } from '../place';

const common = { site: 'guests', families: [4], gateways: [coneHairpin], isolated: true } as const;

export const guest1: Place = {
  ...common,
  ...{ name: 'guest-1', host: 1 },
  about: 'behind the NAT of guest-2, whom it reaches by the outside endpoint alone: the NAT hairpins',
};
export const guest2: Place = { ...common, name: 'guest-2', host: 2, about: 'behind the NAT of guest-1' };

/** The same behind a NAT that does not hairpin: in scenarios only. */
const strict = { site: 'strict-guests', gateways: [portRestricted] } as const;
export const strictGuest1: Place = { ...guest1, ...strict, name: 'strict-guest-1' };
export const strictGuest2: Place = { ...guest2, ...strict, name: 'strict-guest-2' };
