/** Which endpoints a host may be able to reach, by the IP versions that it has addresses of. */
import { isIPv6 } from 'node:net';
import type { Runtime } from '../runtime';
import type { Endpoint } from '../wire/addresses';

/** False where the host has addresses, but none of this IP version: a socket of it can be opened all the same. */
export function mayReach({ address }: Endpoint, { hostAddresses }: Pick<Runtime, 'hostAddresses'>): boolean {
  if (address === '::1' || address.startsWith('127.')) return true;
  const outer = hostAddresses().filter(({ loopback }) => !loopback);
  return outer.length === 0 || outer.some(({ family }) => (family === 6) === isIPv6(address));
}
