/** What dns and dns.promises share: whose name it is, and the shapes of the answers. */
import dns from 'node:dns';
import { isIP } from 'node:net';
import type { VirtualNetwork } from '../../core/virtual-network';
import type { VirtualAddresses } from '../../core/wire/addresses';
import { holdDuring } from '../liveness';
import { addCause, lookupError } from '../node-errors';
import { classifyHost, reverseName, unmapped } from '../policy';

type Place = 'virtual' | 'host' | 'undecided';

export interface LookupOptions {
  readonly family?: number | 'IPv4' | 'IPv6' | undefined;
  readonly all?: boolean | undefined;
  readonly verbatim?: boolean | undefined;
  readonly order?: string | undefined;
}

export function classifyQuery(hostname: unknown, network: VirtualNetwork): Place {
  if (typeof hostname !== 'string' || hostname === '' || isIP(hostname) !== 0) return 'host';
  const address = reverseName(hostname);
  return address === undefined ? classifyHost(hostname, network) : classifyAddress(address, network);
}

export function classifyAddress(address: unknown, network: VirtualNetwork): Place {
  if (typeof address !== 'string') return 'host';
  const plain = unmapped(address);
  if (network.isVirtualAddress(plain)) return 'virtual';
  return network.isUndecidedAddress(plain) ? 'undecided' : 'host';
}

/** Waits until the name is decided, if need be; a pending lookup keeps the process alive. */
export function isVirtualAfterWaiting(hostname: string, network: VirtualNetwork): Promise<boolean> {
  return isVirtualOnceDecided(() => classifyQuery(hostname, network), network);
}

export function isVirtualAddressAfterWaiting(address: string, network: VirtualNetwork): Promise<boolean> {
  return isVirtualOnceDecided(() => classifyAddress(address, network), network);
}

/** Calls at once, or in a tick once it is decided whose the address is. */
export function whenAddressDecided(address: unknown, network: VirtualNetwork, call: () => void): void {
  if (classifyAddress(address, network) !== 'undecided') return call();
  void holdDuring(network.whenDecided()).then(() => process.nextTick(call));
}

async function isVirtualOnceDecided(place: () => Place, network: VirtualNetwork): Promise<boolean> {
  if (place() === 'undecided') await holdDuring(network.whenDecided());
  return place() === 'virtual';
}

export async function lookupVirtual(hostname: string, network: VirtualNetwork): Promise<VirtualAddresses> {
  try {
    return await holdDuring(network.lookup(hostname));
  } catch (cause) {
    throw lookupError(hostname, cause);
  }
}

/**
 * The addresses in the order asked for. IPv4 comes first by default: a server on 0.0.0.0 has no IPv6, while one on `::`
 * has both. `single`: the first one only, because with several Node races them with a timer of 250 ms, which is too
 * short for a first tunnel construction, and they lead to the same node anyway.
 */
export function lookupAnswer(
  addresses: VirtualAddresses,
  options: LookupOptions,
  single: boolean,
): dns.LookupAddress[] {
  const both = [
    { address: addresses.ipv4, family: 4 },
    { address: addresses.ipv6, family: 6 },
  ];
  const order = options.order ?? (options.verbatim === false ? 'ipv4first' : dns.getDefaultResultOrder());
  if (order === 'ipv6first') both.reverse();
  const family = { IPv4: 4, IPv6: 6 }[options.family as string] ?? options.family;
  const wanted = family ? both.filter((answer) => answer.family === family) : both;
  return single ? wanted.slice(0, 1) : wanted;
}

export function lookupOptions(options: unknown): LookupOptions {
  if (typeof options === 'number') return { family: options };
  return typeof options === 'object' && options !== null ? options : {};
}

/** When the login failed, a name of the network cannot be told from a host's: say so to who looks for it. */
export function explainHostFailure(error: unknown, network: VirtualNetwork): void {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  if (error instanceof Error && (code === 'ENOTFOUND' || code === 'EAI_AGAIN')) addCause(error, network.loginError);
}
