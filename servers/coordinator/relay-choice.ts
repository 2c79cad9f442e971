/**
 * Which RS gets a path (paper 2.4): of those that are nearest to the two nodes, by their own measurements, or of all
 * where nobody has measured, by chance, and each as likely as it has room. The least loaded one would get all
 * paths between two reports, and then the next one. What an RS was given since its report counts as load already; one
 * that does not answer is left alone for longer each time, however well it reports itself. Pure, but for chance.
 */
import { backOff } from '../../core/back-off';
import type { Clock, Random } from '../../core/runtime';
import { familyOf } from '../../core/wire/addresses';
import { BoundedMap } from '../bounded-map';
import type { Access } from './direction';
import type { ReportedServer } from './server-reports';

/** What one path adds to the load of an RS until it reports again; the report then says what it really is. */
const PATH_LOAD = 0.002;
/** Even a full one may be asked when there is no other: it knows best whether it has room. */
const LEAST_ROOM = 0.01;
const BACK_OFF_MS = { first: 5_000, limit: 300_000 };
const SERVERS_LIMIT = 1_024;

/** By the sum of both round trips, those that are so little farther than the nearest are as near. */
const AS_NEAR_MS = 5;
const AS_NEAR_PART = 0.2;
/** One with less room is left to those who have no other. */
const LITTLE_ROOM = 0.1;
const NAME_LIMIT = 63;

/** One of the two nodes that a path is for. */
export interface RelayUser {
  /** How it can reach an RS. */
  readonly accesses: readonly Access[];
  /** What it has measured, if anything, by `relayName`. */
  readonly rtts?: readonly { readonly name: string; readonly rttMs: number }[] | undefined;
}

interface Standing {
  /** Of the report that `given` counts from. */
  reportMs: number;
  /** Paths since then. */
  given: number;
  failures: number;
  notBeforeMs: number;
}

export class RelayChoice {
  private readonly standings: BoundedMap<string, Standing>;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.standings = new BoundedMap(clock, SERVERS_LIMIT);
  }

  /**
   * Those that may be asked, in the order to ask them. An RS must have an IP version of each of the two nodes, or
   * TLS over it for one that has TLS only, and may join two that have none in common.
   */
  order(servers: readonly ReportedServer[], sides: readonly RelayUser[]): ReportedServer[] {
    const left = servers.filter((server) => !server.draining && this.isReady(server) && serves(server, sides));
    const order: ReportedServer[] = [];
    while (left.length > 0) {
      const near = this.nearest(left, sides);
      const next = near[this.draw(near)]!;
      order.push(next);
      left.splice(left.indexOf(next), 1);
    }
    return order;
  }

  gave(server: ReportedServer): void {
    const standing = this.standingOf(server);
    standing.given++;
    standing.failures = 0;
  }

  failed(server: ReportedServer): void {
    const standing = this.standingOf(server);
    standing.notBeforeMs = this.clock.now() + backOff(BACK_OFF_MS, standing.failures++);
  }

  /** All of them where there is nothing to tell them apart by. */
  private nearest(servers: readonly ReportedServer[], sides: readonly RelayUser[]): readonly ReportedServer[] {
    const distances = new Map<ReportedServer, number>();
    for (const server of servers) {
      const distanceMs = this.roomOf(server) > LITTLE_ROOM ? distanceOf(server, sides) : undefined;
      if (distanceMs !== undefined) distances.set(server, distanceMs);
    }
    if (distances.size === 0) return servers;
    const leastMs = Math.min(...distances.values());
    const asNearMs = leastMs + Math.max(AS_NEAR_MS, leastMs * AS_NEAR_PART);
    return [...distances].filter(([, distanceMs]) => distanceMs <= asNearMs).map(([server]) => server);
  }

  private isReady(server: ReportedServer): boolean {
    return this.clock.now() >= this.standingOf(server).notBeforeMs;
  }

  private draw(servers: readonly ReportedServer[]): number {
    const rooms = servers.map((server) => this.roomOf(server));
    const chance = Buffer.from(this.random.bytes(4)).readUInt32BE() / 2 ** 32;
    let at = chance * rooms.reduce((sum, room) => sum + room, 0);
    const index = rooms.findIndex((room) => (at -= room) < 0);
    return index < 0 ? servers.length - 1 : index;
  }

  private roomOf(server: ReportedServer): number {
    return Math.max(1 - server.load - this.standingOf(server).given * PATH_LOAD, LEAST_ROOM);
  }

  private standingOf({ peer: { name }, heardMs }: ReportedServer): Standing {
    let standing = this.standings.get(name);
    if (!standing) {
      standing = { reportMs: heardMs, given: 0, failures: 0, notBeforeMs: 0 };
      this.standings.set(name, standing);
    }
    if (standing.reportMs !== heardMs) Object.assign(standing, { reportMs: heardMs, given: 0 });
    return standing;
  }
}

/** As nodes know it. */
export function relayName({ peer }: ReportedServer): string {
  return peer.name.slice(0, NAME_LIMIT);
}

/** Undefined when a node that has measured others has not reached it, or none has measured. */
function distanceOf(server: ReportedServer, sides: readonly RelayUser[]): number | undefined {
  const name = relayName(server);
  let sumMs: number | undefined;
  for (const { rtts = [] } of sides) {
    if (rtts.length === 0) continue;
    const known = rtts.find((each) => each.name === name);
    if (!known) return undefined;
    sumMs = (sumMs ?? 0) + known.rttMs;
  }
  return sumMs;
}

export function serves({ endpoints, streams }: ReportedServer, sides: readonly RelayUser[]): boolean {
  if (endpoints.length === 0) return true; // it says where with each path
  const own: Access[] = [...endpoints.map(familyOf), ...streams.map((endpoint): Access => `tls${familyOf(endpoint)}`)];
  return sides.every(({ accesses }) => accesses.length === 0 || accesses.some((access) => own.includes(access)));
}
