/**
 * Which way a tunnel goes: a pure function of the two nodes' situations (paper 3.4). A side that can be reached is
 * sent to by the other; when both can, CN sends the Tunnel Request and MN awaits it (Figure 5 step 17); when neither
 * can, the tunnel needs a relay; and so it does when one of them comes over TLS, since no UDP passes where it is.
 */
import { sameEndpoint, type Endpoint } from '../../core/wire/addresses';

export interface Situation {
  /** Where the DC saw the node's datagrams come from; at most one per IP version. */
  readonly observed: readonly Endpoint[];
  /** Of the node's own interfaces. */
  readonly host: readonly Endpoint[];
  readonly route: 'auto' | 'relay' | 'direct';
}

export type Direction =
  | {
      readonly route: 'direct';
      /** Who sends the Tunnel Request. */
      readonly requester: 'mn' | 'cn';
      /** Where MN may be reached, best first: what CN is told. */
      readonly endpointsOfMn: readonly Endpoint[];
      readonly endpointsOfCn: readonly Endpoint[];
    }
  /** Where the two may look for each other, once they talk. */
  | {
      readonly route: 'relay';
      readonly endpointsOfMn: readonly Endpoint[];
      readonly endpointsOfCn: readonly Endpoint[];
    }
  /** The nodes share no IP version, or one wants a direct route where there is none. */
  | { readonly route: 'none' };

export type Family = 4 | 6;
/** How a relay server can be reached. */
export type Access = Family | 'tls4' | 'tls6';

const ENDPOINTS_LIMIT = 12;

export function chooseDirection(mn: Situation, cn: Situation): Direction {
  const directOnly = mn.route === 'direct' || cn.route === 'direct';
  const relayOnly = mn.route === 'relay' || cn.route === 'relay';
  if (relayOnly || !hasUdp(mn) || !hasUdp(cn)) {
    return directOnly ? { route: 'none' } : { route: 'relay', endpointsOfMn: [], endpointsOfCn: [] };
  }
  const loopback = isOnLoopback(mn) && isOnLoopback(cn);
  const shared = ([6, 4] as const).filter((f) => hasFamily(mn, f, loopback) && hasFamily(cn, f, loopback));
  const toMn = shared.filter((family) => isReachable(mn, family));
  const toCn = shared.filter((family) => isReachable(cn, family));
  const endpointsOfMn = endpointsOf(mn, preferring(toMn, shared), loopback);
  const endpointsOfCn = endpointsOf(cn, preferring(toCn, shared), loopback);
  if (toMn.length + toCn.length > 0) {
    return { route: 'direct', requester: toMn.length > 0 ? 'cn' : 'mn', endpointsOfMn, endpointsOfCn };
  }
  return directOnly ? { route: 'none' } : { route: 'relay', endpointsOfMn, endpointsOfCn };
}

/**
 * No NAT was seen in between: the DC saw an address that the node's interface has. A node on the DC's own host is
 * seen on loopback, and is taken to be reachable at its other addresses.
 */
function isReachable({ observed, host }: Situation, family: Family): boolean {
  return observed.some(
    ({ address }) => familyOf(address) === family && (isLoopback(address) || host.some((h) => h.address === address)),
  );
}

function isOnLoopback({ observed }: Situation): boolean {
  return observed.some(({ address }) => isLoopback(address));
}

function hasFamily({ observed, host }: Situation, family: Family, loopback: boolean): boolean {
  const offers = ({ address }: Endpoint): boolean => familyOf(address) === family && (loopback || !isLoopback(address));
  return observed.some(offers) || host.some(offers);
}

/** Observed ones first: they are known to work as far as the DC. Loopback only between nodes of the DC's own host. */
function endpointsOf({ observed, host }: Situation, families: readonly Family[], loopback: boolean): Endpoint[] {
  const all = families.flatMap((family) => [...observed, ...host].filter((e) => familyOf(e.address) === family));
  const offered = all.filter(({ address }) => loopback || !isLoopback(address));
  const unique = offered.filter((endpoint, i) => offered.findIndex((other) => sameEndpoint(other, endpoint)) === i);
  return unique.slice(0, ENDPOINTS_LIMIT);
}

/** By which IP versions a node can reach a relay: those it was seen with, and those that its interfaces have. */
export function accessesOf({ observed, host }: Situation): Access[] {
  const families = [...new Set([...observed, ...host].map(({ address }) => familyOf(address)))];
  return hasUdp({ observed }) ? families : families.map((family): Access => `tls${family}`);
}

/** False of a node whose datagrams came over TLS: nothing else gets there. */
function hasUdp({ observed }: Pick<Situation, 'observed'>): boolean {
  return observed.length === 0 || observed.some(({ stream }) => !stream);
}

function preferring(first: readonly Family[], all: readonly Family[]): Family[] {
  return [...first, ...all.filter((family) => !first.includes(family))];
}

function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
