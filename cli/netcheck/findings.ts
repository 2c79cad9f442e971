/** What `ntmobile netcheck` has found, for people and programs: pure. The words are those of RFC 4787. */
import { familyOf, formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import type { Family, Look } from '../../core/reach/look';
import { mappingOf, type Observation } from '../../core/reach/situation';
import type { PortMapping } from './port-mapping';

export interface FamilyFindings {
  /** A server has answered over this IP version. */
  readonly works: boolean;
  /** Where this host was seen, each once. */
  readonly outside: readonly string[];
  /** It was seen at an address that it does not have itself; null when it was not seen. */
  readonly nat: boolean | null;
  readonly mapping: 'endpoint-independent' | 'dependent' | null;
  readonly filtering: 'open' | 'address-and-port-dependent' | null;
}

export interface RelayFindings {
  readonly name: string;
  /** Median; null when it did not answer. */
  readonly rttMs: number | null;
  readonly ipv4: boolean | null;
  readonly ipv6: boolean | null;
}

export interface Findings {
  /** False when no relay server answered, and null when there was none to ask. */
  readonly udp: boolean | null;
  readonly ipv4: FamilyFindings;
  readonly ipv6: FamilyFindings;
  /** The nearest first. */
  readonly relays: readonly RelayFindings[];
  readonly nearest: string | null;
  /** Null: not looked at. `none`: no gateway here maps ports. */
  readonly portMapping: PortMapping | 'none' | null;
}

export interface Seen {
  readonly look: Look;
  readonly observations: readonly Observation[];
  /** Addresses of the host's interfaces. */
  readonly host: readonly Endpoint[];
  readonly portMapping: PortMapping | 'none' | undefined;
}

export function findingsOf(seen: Seen): Findings {
  const { look, portMapping = null } = seen;
  const relays = relaysOf(look);
  const answered = relays.filter(({ rttMs }) => rttMs !== null);
  return {
    udp: relays.length === 0 ? null : answered.length > 0,
    ipv4: familyFindings(seen, 4),
    ipv6: familyFindings(seen, 6),
    relays,
    nearest: answered[0]?.name ?? null,
    portMapping,
  };
}

function familyFindings({ look, observations, host }: Seen, family: Family): FamilyFindings {
  const own = observations.filter(({ endpoint }) => familyOf(endpoint) === family);
  const outside = [...new Set(own.map(({ endpoint }) => formatEndpoint(endpoint)))];
  const isTranslated = own.some(({ endpoint }) => !host.some(({ address }) => address === endpoint.address));
  const mapping = mappingOf(own, host, family);
  const isOpen = look.reachable[family];
  return {
    works: outside.length > 0,
    outside,
    nat: outside.length > 0 ? isTranslated : null,
    mapping: mapping === 'independent' ? 'endpoint-independent' : (mapping ?? null),
    filtering: isOpen === undefined ? null : isOpen ? 'open' : 'address-and-port-dependent',
  };
}

function relaysOf({ views }: Look): RelayFindings[] {
  const names = [...new Set(views.map(({ relay }) => relay))];
  const relays = names.map((name): RelayFindings => {
    const of = (family: Family): boolean | null => {
      const view = views.find((each) => each.relay === name && each.family === family);
      return view ? view.rttMs !== undefined : null;
    };
    const rtts = views.flatMap(({ relay, rttMs }) => (relay === name && rttMs !== undefined ? [rttMs] : []));
    const rttMs = rtts.length > 0 ? Math.round(Math.min(...rtts) * 10) / 10 : null;
    return { name, rttMs, ipv4: of(4), ipv6: of(6) };
  });
  return relays.sort((a, b) => (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity));
}
