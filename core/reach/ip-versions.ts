/** Which endpoints a host may be able to reach, by the IP versions that it has addresses of. */
import { isIPv6 } from 'node:net';
import { NtmError } from '../errors';
import type { Runtime } from '../runtime';
import type { Endpoint } from '../wire/addresses';

/** False where the host has addresses, but none of this IP version: a socket of it can be opened all the same. */
export function mayReach({ address }: Endpoint, { hostAddresses }: Pick<Runtime, 'hostAddresses'>): boolean {
  if (address === '::1' || address.startsWith('127.')) return true;
  const outer = hostAddresses().filter(({ loopback }) => !loopback);
  return outer.length === 0 || outer.some(({ family }) => (family === 6) === isIPv6(address));
}

/** Of a DC's endpoints, those that this host may reach in its network; another one after each that has failed. */
export function chosenEndpoint(
  all: readonly Endpoint[],
  failures: number,
  runtime: Pick<Runtime, 'hostAddresses'>,
): Endpoint {
  const within = all.filter((endpoint) => mayReach(endpoint, runtime));
  const choice = within.length > 0 ? within : all;
  const endpoint = choice[failures % choice.length];
  if (!endpoint) throw new NtmError('NTM_PROTOCOL', 'the account server named no endpoint of the DC');
  return endpoint;
}

/** The host's addresses, to be compared. */
export function addressText({ hostAddresses }: Pick<Runtime, 'hostAddresses'>): string {
  return hostAddresses()
    .map(({ address }) => address)
    .join();
}
