/**
 * What dns.resolve* and their like answer for names and addresses of the network. Nothing of it is asked of the host's
 * DNS: a node's name has addresses and no other record (RFC 2308: no data), an address has its node's name (PTR).
 */
import type dns from 'node:dns';
import type { VirtualNetwork } from '../../core/virtual-network';
import { canonicalIp } from '../../core/wire/ip-text';
import { holdDuring } from '../liveness';
import { noDataError, queryError } from '../node-errors';
import type { AnyFunction } from '../node-internals';
import { reverseName, unmapped } from '../policy';

/** A node's addresses do not change, but names may be given to others. */
const TTL_SECONDS = 60;

/** The record types that dns.resolve() takes, and the method that asks for each. */
export const METHODS: Readonly<Record<string, string>> = {
  ...{ A: 'resolve4', AAAA: 'resolve6', ANY: 'resolveAny', CAA: 'resolveCaa', CNAME: 'resolveCname' },
  ...{ MX: 'resolveMx', NAPTR: 'resolveNaptr', NS: 'resolveNs', PTR: 'resolvePtr', SOA: 'resolveSoa' },
  ...{ SRV: 'resolveSrv', TLSA: 'resolveTlsa', TXT: 'resolveTxt' },
};

/** The method for a record type that was given to resolve(); undefined for what is none. */
export function methodOf(resolver: unknown, type: unknown): AnyFunction | undefined {
  const name = typeof type === 'string' && Object.hasOwn(METHODS, type) ? METHODS[type]! : undefined;
  return name === undefined ? undefined : (resolver as Record<string, AnyFunction | undefined>)[name];
}

/** `queryMx`: the syscall in Node's errors. */
const syscallOf = (type: string): string => `query${type.charAt(0)}${type.slice(1).toLowerCase()}`;

/** Rejects as Node does: ENOTFOUND, ENODATA, ETIMEOUT, ESERVFAIL. */
export async function recordsOf(
  hostname: string,
  type: string,
  options: unknown,
  network: VirtualNetwork,
): Promise<unknown[]> {
  const syscall = syscallOf(type);
  try {
    const address = reverseName(hostname);
    if (address !== undefined) {
      const fqdn = await nameOfAddress(address, network);
      if (type === 'PTR') return [fqdn];
    } else {
      const { ipv4, ipv6 } = await holdDuring(network.lookup(hostname));
      const withTtl = (options as { ttl?: unknown } | null | undefined)?.ttl;
      const shaped = (each: string): string | dns.RecordWithTtl =>
        withTtl ? { address: each, ttl: TTL_SECONDS } : each;
      if (type === 'A') return [shaped(ipv4)];
      if (type === 'AAAA') return [shaped(ipv6)];
      if (type === 'ANY') {
        return [
          { address: ipv4, ttl: TTL_SECONDS, type: 'A' },
          { address: ipv6, ttl: TTL_SECONDS, type: 'AAAA' },
        ];
      }
    }
  } catch (cause) {
    throw queryError(syscall, hostname, cause);
  }
  throw noDataError(syscall, hostname);
}

/** dns.reverse of a virtual address. */
export async function reverseOf(address: string, network: VirtualNetwork): Promise<string[]> {
  try {
    return [await nameOfAddress(address, network)];
  } catch (cause) {
    throw queryError('getHostByAddr', address, cause);
  }
}

/**
 * The FQDN of the node that has this virtual address. The DC knows every address of its zone, and tells a node's name
 * when it directs a tunnel to it. Rejects with NtmError.
 */
export async function nameOfAddress(address: string, network: VirtualNetwork): Promise<string> {
  const plain = canonicalIp(unmapped(address));
  const known = network.nameOf(plain);
  if (known !== undefined) return known;
  let failure: unknown;
  try {
    await holdDuring(Promise.resolve(network.reach(plain)));
  } catch (error) {
    failure = error;
  }
  const found = network.nameOf(plain); // known also when the tunnel to it could not be constructed
  if (found !== undefined) return found;
  throw failure ?? new Error(`no node has the address ${address}`);
}
