/** All places, in the order of the matrix. */
import type { Place } from './place';
import { addressRestricted } from './places/address-restricted';
import { carrier } from './places/carrier';
import { carrierSymmetric } from './places/carrier-symmetric';
import { cone } from './places/cone';
import { customer1, customer2 } from './places/customers';
import { dual } from './places/dual';
import { firewalled } from './places/firewalled';
import { guest1, guest2 } from './places/guests';
import { ipv4Only } from './places/ipv4-only';
import { ipv6Only } from './places/ipv6-only';
import { lan1, lan2 } from './places/lan';
import { mapped } from './places/mapped';
import { open } from './places/open';
import { portRestricted } from './places/port-restricted';
import { samePrivateA, samePrivateB } from './places/same-private';
import { shortTimeout } from './places/short-timeout';
import { symmetric } from './places/symmetric';
import { udpBlocked } from './places/udp-blocked';

export const places: readonly Place[] = [
  ...[open, firewalled, cone, addressRestricted, portRestricted, symmetric, carrier, carrierSymmetric],
  ...[samePrivateA, samePrivateB, lan1, lan2, shortTimeout, udpBlocked, ipv4Only, ipv6Only, dual],
  ...[mapped, customer1, customer2, guest1, guest2],
];

export function placeOf(name: string): Place {
  const found = places.find((place) => place.name === name);
  if (!found) throw new Error(`there is no place ${name}; there are ${places.map((place) => place.name).join(', ')}`);
  return found;
}
