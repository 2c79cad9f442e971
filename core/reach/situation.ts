/**
 * What follows from who saw this node where: pure. The words are those of RFC 4787.
 *
 *   mapping     endpoint-independent: one external port whoever is sent to; dependent: another one for each
 *   reachable   endpoint-independent filtering, or none at all: datagrams from anywhere arrive
 */
import { type Endpoint, familyOf, formatEndpoint, sameEndpoint } from '../wire/addresses';
import type { Body } from '../wire/messages';
import type { Family, Look } from './look';

export type Reach = NonNullable<Body<'registrationRequest'>['reach']>;

/** What one server, wherever it is, has seen of the node's socket of that IP version. */
export interface Observation {
  /** The server's endpoint, as text. */
  readonly by: string;
  readonly endpoint: Endpoint;
}

/** What a registration has room for beside the host's endpoints (see `fitted`). */
const OUTSIDE_LIMIT = 6;
const RELAYS_LIMIT = 8;
/** Of a registration's 1,200 bytes: endpoints and reach may take so many. */
const ROOM_BYTES = 1_000;
/** Of CBOR: the fields' names and lengths. */
const ENDPOINT_BYTES = 24;
const RELAY_BYTES = 18;
const RTT_LIMIT_MS = 60_000;
/** A round trip that changes less is the same. */
const SAME_RTT_MS = 10;
const SAME_RTT_PART = 0.25;

export function reachOf(
  observations: readonly Observation[],
  host: readonly Endpoint[],
  { views, reachable }: Look,
  mapped: readonly Endpoint[],
): Reach {
  const mapping = overallMapping(observations, host);
  const filters = Object.values(reachable);
  const relays = new Map<string, number>();
  for (const { relay, rttMs } of [...views].sort((a, b) => (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity))) {
    if (rttMs !== undefined && !relays.has(relay)) relays.set(relay, Math.min(Math.round(rttMs), RTT_LIMIT_MS));
  }
  return fitted(
    {
      outside: outsideOf(observations, host, mapped),
      ...(mapping && { mapping }),
      // Over each IP version: who finds the node by one of them must reach it.
      ...(filters.length > 0 && { reachable: filters.every(Boolean) }),
      relays: [...relays].slice(0, RELAYS_LIMIT).map(([name, rttMs]) => ({ name, rttMs })),
    },
    host,
  );
}

/** Of one IP version; undefined when it cannot be told. Two observers with the same answer, or no NAT at all. */
export function mappingOf(
  observations: readonly Observation[],
  host: readonly Endpoint[],
  family: Family,
): Reach['mapping'] | undefined {
  const seen = observations.filter(({ endpoint }) => familyOf(endpoint) === family);
  const translated = seen.filter(({ endpoint }) => !isOwn(endpoint, host));
  const [first] = translated;
  if (!first) return seen.length > 0 ? 'independent' : undefined;
  if (translated.some(({ endpoint }) => !sameEndpoint(endpoint, first.endpoint))) return 'dependent';
  return new Set(translated.map(({ by }) => by)).size > 1 ? 'independent' : undefined;
}

/** Whether the DC should be told. */
export function isNews(before: Reach | undefined, now: Reach): boolean {
  const { relays: relaysBefore = [], ...restBefore } = before ?? {};
  const { relays = [], ...rest } = now;
  if (JSON.stringify(restBefore) !== JSON.stringify(rest) || relays.length !== relaysBefore.length) return true;
  return relays.some(({ name, rttMs }) => {
    const known = relaysBefore.find((relay) => relay.name === name);
    return !known || Math.abs(known.rttMs - rttMs) > Math.max(SAME_RTT_MS, known.rttMs * SAME_RTT_PART);
  });
}

/** Whether tunnels on relays have another chance of a direct path by it. */
export function isNewsForPaths(before: Reach = {}, now: Reach): boolean {
  const isReached = now.reachable === true && before.reachable !== true;
  return isReached || now.mapping !== before.mapping || placesOf(now) !== placesOf(before);
}

/** Of a dependent mapping the ports say nothing. */
function placesOf({ mapping, outside = [] }: Reach): string {
  return (mapping === 'dependent' ? outside.map(({ address }) => address) : outside.map(formatEndpoint)).join();
}

/** Over all IP versions; undefined when it cannot be told. */
export function overallMapping(observations: readonly Observation[], host: readonly Endpoint[]): Reach['mapping'] {
  const families = [...new Set(observations.map(({ endpoint }) => familyOf(endpoint)))];
  const each = families.map((family) => mappingOf(observations, host, family));
  if (each.includes('dependent')) return 'dependent';
  return each.includes(undefined) ? undefined : each[0];
}

/** With several ports of one address, as of a dependent mapping, one is as good as another: the first. */
function outsideOf(
  observations: readonly Observation[],
  host: readonly Endpoint[],
  mapped: readonly Endpoint[],
): Endpoint[] {
  const foreign = observations.map(({ endpoint }) => endpoint).filter((endpoint) => !isOwn(endpoint, host));
  const first = foreign.filter((e, i) => foreign.findIndex(({ address }) => address === e.address) === i);
  const all = [...mapped, ...first];
  return all.filter((e, i) => all.findIndex((other) => sameEndpoint(other, e)) === i).slice(0, OUTSIDE_LIMIT);
}

function isOwn(endpoint: Endpoint, host: readonly Endpoint[]): boolean {
  return host.some(({ address }) => address === endpoint.address);
}

/** The farthest relays go first, then endpoints. */
function fitted(reach: Reach, host: readonly Endpoint[]): Reach {
  const outside = [...(reach.outside ?? [])];
  const relays = [...(reach.relays ?? [])];
  const bytes = (): number =>
    [...host, ...outside].reduce((sum, { address }) => sum + ENDPOINT_BYTES + address.length, 0) +
    relays.reduce((sum, { name }) => sum + RELAY_BYTES + name.length, 0);
  while (bytes() > ROOM_BYTES && relays.length > 0) relays.pop();
  while (bytes() > ROOM_BYTES && outside.length > 0) outside.pop();
  const { outside: _, relays: __, ...rest } = reach;
  return { ...rest, ...(outside.length > 0 && { outside }), ...(relays.length > 0 && { relays }) };
}
