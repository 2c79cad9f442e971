/**
 * Which way a tunnel goes: a pure function of the two nodes' situations (paper 3.4). A side that is known to be reached
 * is sent to by the other; when both are, CN sends the Tunnel Request and MN awaits it (Figure 5 step 17). Otherwise the
 * tunnel begins at a relay, and both are told where the other may be looked for meanwhile.
 *
 *   open         the DC saw an address that the node's interface has, and the node did not find a firewall before it
 *   mapped       behind a NAT, and what came to it unasked arrived: from another port of a server that it knew. Perhaps
 *                also from a stranger, perhaps only from an address that it has sent to: so both send
 *   hidden       all else
 *
 * One that comes over TLS, since no UDP passes where it is, has a relay always.
 *
 * Where there is no relay, two that are hidden send to each other at once: a NAT lets in what it takes for an answer.
 */
import { type Endpoint, familyOf } from '../../core/wire/addresses';
import { scopeOf } from '../../core/wire/address-scope';
import { candidatesOf, isOneOf, offers, sharesOutside, type Family, type Situation } from './candidates';

export type Direction =
  | {
      readonly route: 'direct';
      /** Who sends the Tunnel Request. */
      readonly requester: 'mn' | 'cn' | 'both';
      /** Where MN may be reached, best first: what CN is told. */
      readonly endpointsOfMn: readonly Endpoint[];
      readonly endpointsOfCn: readonly Endpoint[];
    }
  | {
      readonly route: 'relay';
      /** Where MN may be looked for beside. */
      readonly endpointsOfMn: readonly Endpoint[];
      readonly endpointsOfCn: readonly Endpoint[];
    }
  /** The nodes share no IP version, or one wants a direct route where there is none. */
  | { readonly route: 'none' };

/** How a relay server can be reached. */
export type Access = Family | 'tls4' | 'tls6';

export interface RelaySituation {
  /** One serves the two now, or the relay path that they have is not given up even if none does. */
  readonly hasRelay: boolean;
  /** Nodes look at themselves from relay servers: who does not say whether it is reachable will soon. */
  readonly areNamed: boolean;
}

export function chooseDirection(mn: Situation, cn: Situation, { hasRelay, areNamed }: RelaySituation): Direction {
  const directOnly = mn.route === 'direct' || cn.route === 'direct';
  const relayOnly = mn.route === 'relay' || cn.route === 'relay';
  if (relayOnly || !hasUdp(mn) || !hasUdp(cn)) {
    return directOnly ? { route: 'none' } : { route: 'relay', endpointsOfMn: [], endpointsOfCn: [] };
  }
  const shared = ([6, 4] as const).filter((f) => offers(mn, cn, f) && offers(cn, mn, f));
  const toMn = shared.filter((family) => isOpen(mn, cn, family, areNamed));
  const toCn = shared.filter((family) => isOpen(cn, mn, family, areNamed));
  // Those of an IP version that only one of the two has now are for when the other moves to where it has that, too.
  const all = shared.length > 0 ? preferring(shared, [6, 4]) : [];
  const endpointsOfMn = candidatesOf(mn, cn, preferring(toMn, all));
  const endpointsOfCn = candidatesOf(cn, mn, preferring(toCn, all));
  if (toMn.length + toCn.length > 0) {
    return { route: 'direct', requester: toMn.length > 0 ? 'cn' : 'mn', endpointsOfMn, endpointsOfCn };
  }
  const areBothToSend = shared.some(
    (family) => isMapped(cn, mn, family) || (isMapped(mn, cn, family) && isSteady(cn, family)),
  );
  if (areBothToSend || (shared.length > 0 && (directOnly || !hasRelay))) {
    return { route: 'direct', requester: 'both', endpointsOfMn, endpointsOfCn };
  }
  return directOnly ? { route: 'none' } : { route: 'relay', endpointsOfMn, endpointsOfCn };
}

/** By which IP versions a node can reach a relay: those it was seen with, and those that its interfaces have. */
export function accessesOf({ observed, host }: Situation): Access[] {
  const families = [...new Set([...observed, ...host].map(familyOf))];
  return hasUdp({ observed }) ? families : families.map((family): Access => `tls${family}`);
}

/** False of a node whose datagrams came over TLS: nothing else gets there. */
function hasUdp({ observed }: Pick<Situation, 'observed'>): boolean {
  return observed.length === 0 || observed.some(({ stream }) => !stream);
}

/**
 * A node on the DC's own host is seen on loopback, and is taken to be reachable at its other addresses. Whether there is
 * a firewall, a node that has just joined does not know yet, and one that was not told of relays cannot. If there is
 * one, it lets in whom the node sends to: which needs a correspondent node that comes from where it was seen.
 */
function isOpen(node: Situation, correspondent: Situation, family: Family, areNamed: boolean): boolean {
  const isReachable = node.reach?.reachable ?? (!areNamed || correspondent.reach?.mapping !== 'dependent');
  if (!isReachable || isTranslated(node, family)) return false;
  return node.observed.some((endpoint) => familyOf(endpoint) === family) && offers(node, correspondent, family);
}

/**
 * CN is told first, and so has sent first: then its NAT lets in MN from any port, and in the other order as well. But a
 * NAT that both are behind may let in neither from inside.
 */
function isMapped(node: Situation, correspondent: Situation, family: Family): boolean {
  if (sharesOutside(node, correspondent)) return false;
  return node.reach?.reachable === true && node.observed.some((endpoint) => familyOf(endpoint) === family);
}

/** What it sends comes from where it was seen. */
function isSteady(node: Situation, family: Family): boolean {
  return node.reach?.mapping === 'independent' || !isTranslated(node, family);
}

function isTranslated({ observed, host }: Situation, family: Family): boolean {
  return observed.some(
    (endpoint) => familyOf(endpoint) === family && scopeOf(endpoint.address) !== 'loopback' && !isOneOf(endpoint, host),
  );
}

function preferring(first: readonly Family[], all: readonly Family[]): Family[] {
  return [...first, ...all.filter((family) => !first.includes(family))];
}
