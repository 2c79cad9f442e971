import { cone } from '../gateways/cone';
import { coneHairpin } from '../gateways/cone-hairpin';
import { portRestricted } from '../gateways/port-restricted';
import type { Place } from '../place';

const common = { site: 'one-carrier', families: [4], gateways: [portRestricted, coneHairpin] } as const;

export const customer1: Place = {
  ...common,
  ...{ name: 'customer-1', host: 1, home: 1 },
  about: "behind a home's NAT behind the carrier's NAT of customer-2, which hairpins (RFC 6888)",
};
export const customer2: Place = {
  ...common,
  ...{ name: 'customer-2', host: 2, home: 2 },
  about: "behind another home's NAT behind the carrier's NAT of customer-1",
};

/** The same where the carrier does not do what RFC 6888 asks for: in scenarios only. */
const strict = { site: 'strict-carrier', gateways: [portRestricted, cone] } as const;
export const strictCustomer1: Place = { ...customer1, ...strict, name: 'strict-customer-1' };
export const strictCustomer2: Place = { ...customer2, ...strict, name: 'strict-customer-2' };
