/**
 * Where a node may be looked for by another, best first: pure. What it has itself said of its interfaces is offered with
 * care, for its correspondent node will send there:
 *
 *   global                               always
 *   private (RFC 1918, RFC 6598, ULA)    to who was seen from the same outside address, or seems to be on the same link
 *   loopback                             between nodes on the DC's own host
 *   link-local, multicast, broadcast, unspecified, reserved    never
 */
import { type Endpoint, familyOf, sameEndpoint } from '../../core/wire/addresses';
import { scopeOf } from '../../core/wire/address-scope';
import { parseIp } from '../../core/wire/ip-text';
import type { Body } from '../../core/wire/messages';

export interface Situation {
  /** Where the DC saw the node's datagrams come from; at most one per IP version. */
  readonly observed: readonly Endpoint[];
  /** Of the node's own interfaces. */
  readonly host: readonly Endpoint[];
  readonly route: 'auto' | 'relay' | 'direct';
  /** What the node has found out about itself. */
  readonly reach?: Body<'registrationRequest'>['reach'];
}

export type Family = 4 | 6;

export const ENDPOINTS_LIMIT = 12;
/** A direction with a relay and permits has so much room for them, each as below. */
const ENDPOINTS_BYTES = 600;
const ENDPOINT_BYTES = 24;
/** Of one link, as far as can be told: nobody says how long its prefix is. */
const LINK_BYTES = { 4: 3, 6: 8 } as const;

/** Whether there is any of this IP version. */
export function offers(node: Situation, correspondent: Situation, family: Family): boolean {
  const { observed, host, reach } = node;
  const isOne = (endpoint: Endpoint): boolean =>
    familyOf(endpoint) === family && isOffered(endpoint, node, correspondent);
  return observed.some(isOne) || host.some(isOne) || (reach?.outside?.some(isOne) ?? false);
}

/** Of a node, for another one: observed, outside, host; behind one NAT the other way round, for few let that through. */
export function candidatesOf(node: Situation, correspondent: Situation, families: readonly Family[]): Endpoint[] {
  const { observed, host, reach } = node;
  const outside = [...observed, ...(reach?.outside ?? [])];
  const isNear = sharesOutside(node, correspondent) && !isOnLoopback(node) && outside.every((e) => !isOneOf(e, host));
  const ordered = isNear ? [...host, ...outside] : [...outside, ...host];
  const found: Endpoint[] = [];
  let bytes = 0;
  for (const family of families) {
    for (const endpoint of ordered) {
      if (familyOf(endpoint) !== family || found.some((other) => sameEndpoint(other, endpoint))) continue;
      if (!isOffered(endpoint, node, correspondent)) continue;
      bytes += ENDPOINT_BYTES + endpoint.address.length;
      if (found.length === ENDPOINTS_LIMIT || bytes > ENDPOINTS_BYTES) return found;
      found.push(endpoint);
    }
  }
  return found;
}

function isOffered({ address }: Endpoint, node: Situation, correspondent: Situation): boolean {
  const scope = scopeOf(address);
  if (scope === 'loopback') return isOnLoopback(node) && isOnLoopback(correspondent);
  if (scope !== 'private') return scope === 'global';
  if (sharesOutside(node, correspondent)) return true;
  // Another host's, behind another NAT, is not this one (paper, Figure 9).
  if (correspondent.host.some((own) => own.address === address)) return false;
  const isSeenByDc = isOnLoopback(node) || node.observed.some((seen) => seen.address === address);
  return (isSeenByDc && isInNetworkOfDc(correspondent)) || isOnSameLink(address, node, correspondent);
}

/** Both are behind one NAT, or on one host. */
export function sharesOutside(one: Situation, other: Situation): boolean {
  const others = outsideOf(other);
  return outsideOf(one).some(({ address }) => others.some((each) => each.address === address));
}

/** The DC sees it without a NAT in between, and is in a private network itself. */
function isInNetworkOfDc({ observed }: Situation): boolean {
  return observed.some(({ address }) => scopeOf(address) !== 'global');
}

/** Many networks have the same private IPv4 prefix: those that are seen from two global addresses are two. */
function isOnSameLink(address: string, node: Situation, correspondent: Situation): boolean {
  const family = familyOf({ address });
  const isGlobal = (endpoint: Endpoint): boolean => familyOf(endpoint) === 4 && scopeOf(endpoint.address) === 'global';
  if (family === 4 && outsideOf(node).some(isGlobal) && outsideOf(correspondent).some(isGlobal)) return false;
  const link = linkOf(address, family);
  return correspondent.host.some((own) => familyOf(own) === family && linkOf(own.address, family) === link);
}

function linkOf(address: string, family: Family): string {
  return parseIp(address)?.subarray(0, LINK_BYTES[family]).join('.') ?? address;
}

function outsideOf({ observed, reach }: Situation): readonly Endpoint[] {
  return reach?.outside ? [...observed, ...reach.outside] : observed;
}

export function isOneOf({ address }: Endpoint, endpoints: readonly Endpoint[]): boolean {
  return endpoints.some((endpoint) => endpoint.address === address);
}

export function isOnLoopback({ observed }: Situation): boolean {
  return observed.some(({ address }) => scopeOf(address) === 'loopback');
}
