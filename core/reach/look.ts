/**
 * One look at this node from outside, by STUN at relay servers (the tests of RFC 5780, section 4):
 *
 *   1   every server, over each IP version: where is this node seen?                 mapping, round trip time
 *   2   the nearest one of each IP version: answer from another port, please         does that arrive: filtering
 *       and, at the same time, twice more of each server: the median is its round trip time
 *
 * About ten datagrams with one server, and none where there is none.
 */
import { type Endpoint, familyOf } from '../wire/addresses';
import type { StunClient } from './stun-client';

export type Family = 4 | 6;

export interface RelayServer {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
}

/** A server over one IP version. */
export interface View {
  readonly relay: string;
  readonly family: Family;
  readonly at: Endpoint;
  /** Where it sees this node; undefined when it did not answer. */
  readonly mapped: Endpoint | undefined;
  /** Median. */
  readonly rttMs: number | undefined;
}

export interface Look {
  readonly views: readonly View[];
  /** Whether datagrams arrive from where this node has sent nothing, by IP version; absent when nobody could tell. */
  readonly reachable: Readonly<Partial<Record<Family, boolean>>>;
}

const FIRST = { triesMs: [0, 250, 600], untilMs: 1_200 };
const AGAIN = { triesMs: [0], untilMs: 1_200 };
const AGAIN_TIMES = 2;
const CHANGED_PORT_TRIES_MS = [0, 150, 300];
const CHANGED_PORT_LEAST_MS = 500;

interface Seen extends View {
  readonly mapped: Endpoint;
  readonly rttMs: number;
}

/** `onViews`: told of the views over each IP version as soon as all are there; what they say in the end may be another. */
export async function look(
  client: StunClient,
  relays: readonly RelayServer[],
  families: readonly Family[],
  onViews: (views: readonly View[]) => void = () => {},
): Promise<Look> {
  const places = relays.flatMap(({ name, endpoints }) =>
    families.flatMap((family) => {
      const at = endpoints.find((endpoint) => familyOf(endpoint) === family);
      return at ? [{ relay: name, family, at }] : [];
    }),
  );
  const ask = async (place: (typeof places)[number]): Promise<View> => {
    const sighting = await client.ask(place.at, FIRST);
    return { ...place, mapped: sighting?.mapped, rttMs: sighting?.rttMs };
  };
  // An IP version that nobody answers over keeps the other one waiting for nothing but the round trip times.
  const seen = families.map(async (family) => {
    const views = await Promise.all(places.filter((place) => place.family === family).map(ask));
    onViews(views);
    return views;
  });
  const filtering = families.map(
    async (family, i) => [family, await isReachable(client, nearest(await seen[i]!, family))] as const,
  );
  const views = (await Promise.all(seen)).flat();
  const measured = await Promise.all(
    views.map(async (view) => (isQuickest(view, views) ? measure(client, view) : view)),
  );
  const known = (await Promise.all(filtering)).filter(([, reachable]) => reachable !== undefined);
  return { views: measured, reachable: Object.fromEntries(known) };
}

async function measure(client: StunClient, view: Seen): Promise<View> {
  const samples = [view.rttMs];
  for (let i = 0; i < AGAIN_TIMES; i++) {
    const sighting = await client.ask(view.at, AGAIN);
    if (sighting) samples.push(sighting.rttMs);
  }
  return { ...view, rttMs: medianOf(samples) };
}

/** Undefined when nobody could be asked. */
async function isReachable(client: StunClient, server: Seen | undefined): Promise<boolean | undefined> {
  if (!server) return undefined;
  const untilMs = Math.max(CHANGED_PORT_LEAST_MS, 3 * server.rttMs);
  const answer = await client.ask(server.at, { triesMs: CHANGED_PORT_TRIES_MS, untilMs, changePort: true });
  return answer !== undefined;
}

/** Over which IP version this server answered first: that is the one to measure. */
function isQuickest(view: View, views: readonly View[]): view is Seen {
  return (
    isSeen(view) && views.every((other) => other.relay !== view.relay || !isSeen(other) || other.rttMs >= view.rttMs)
  );
}

/** Of those that have answered. */
export function nearest(views: readonly View[], family: Family): Seen | undefined {
  return views
    .filter(isSeen)
    .filter((view) => view.family === family)
    .sort((a, b) => a.rttMs - b.rttMs)[0];
}

function isSeen(view: View): view is Seen {
  return view.mapped !== undefined && view.rttMs !== undefined;
}

function medianOf(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[Math.floor((samples.length - 1) / 2)]!;
}
