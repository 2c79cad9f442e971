/** Virtual or real? Pure: no state, no Node. */
import { isIP } from 'node:net';
import type { VirtualNetwork } from '../core/virtual-network';
import type { Endpoint } from '../core/wire/addresses';
import { unmapped } from '../core/wire/ip-text';
import type { AddressOut } from './node-internals';

export { unmapped };

/** NTMOBILE_LISTEN: where a server that listens on a wildcard address can be reached. */
export type ListenMode = 'both' | 'virtual' | 'host';

export interface ShimOptions {
  /** Where a server or UDP socket on a wildcard address is reachable (NTMOBILE_LISTEN). */
  readonly listen: ListenMode;
  /** Whether the process is warned of what passes the shim by. Default: yes. */
  readonly warns?: boolean;
  /** The file by which the shim comes into worker threads. Default: it does not. */
  readonly preload?: string | undefined;
}

export type BindPlace = 'host' | 'virtual' | 'both';

type Addressing = Pick<VirtualNetwork, 'isVirtualAddress'>;
type Naming = Addressing & Pick<VirtualNetwork, 'classifyName'>;

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

export function mapped(address: string): string {
  return address.includes(':') ? address : `::ffff:${address}`;
}

/** As getsockname() and getpeername() tell it. A dual-stack `::` listener shows IPv4 addresses mapped. */
export function shownEndpoint({ address, port }: Endpoint, showMapped: boolean): Required<AddressOut> {
  const shown = showMapped ? mapped(address) : address;
  return { address: shown, family: shown.includes(':') ? 'IPv6' : 'IPv4', port };
}

/** A server bound to loopback or to another explicit host address is never exposed. */
export function bindPlace(address: string, mode: ListenMode, network: Addressing): BindPlace {
  if (mode === 'host') return 'host';
  if (isWildcard(address)) return mode;
  return network.isVirtualAddress(unmapped(address)) ? 'virtual' : 'host';
}

/** What a host given to connect() or lookup() is, before any lookup. */
export function classifyHost(host: string, network: Naming): 'virtual' | 'host' | 'undecided' {
  if (isIP(host) !== 0) return network.isVirtualAddress(unmapped(host)) ? 'virtual' : 'host';
  return network.classifyName(host);
}

/** The host that the arguments of `socket.connect` mean, without normalizing them; undefined for a pipe. */
export function connectHost(args: readonly unknown[]): string | undefined {
  let [first, second] = args;
  if (Array.isArray(first)) [first, second] = first as unknown[]; // net.connect() has normalized them already
  if (typeof first === 'object' && first !== null) {
    const { host, path } = first as { host?: unknown; path?: unknown };
    return path ? undefined : hostOrDefault(host);
  }
  const isPipe = typeof first === 'string' && !(Number(first) >= 0);
  return isPipe ? undefined : hostOrDefault(second);
}

/** `localhost` is Node's default. */
function hostOrDefault(host: unknown): string {
  return typeof host === 'string' && host !== '' ? host : 'localhost';
}

/** The address in a name of RFC 1035 section 3.5 or RFC 3596 section 2.5; undefined for other names. */
export function reverseName(hostname: string): string | undefined {
  const ipv4 = /^((?:\d{1,3}\.){4})in-addr\.arpa\.?$/i.exec(hostname)?.[1];
  if (ipv4 !== undefined) return ipv4.slice(0, -1).split('.').reverse().join('.');
  const ipv6 = /^((?:[\da-f]\.){32})ip6\.arpa\.?$/i.exec(hostname)?.[1];
  return ipv6?.replaceAll('.', '').split('').reverse().join('').match(/.{4}/g)!.join(':');
}
