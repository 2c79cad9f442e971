/**
 * Which RS gets a path (paper 2.4): by chance, and each as likely as it has room. The least loaded one would get all
 * paths between two reports, and then the next one. What an RS was given since its report counts as load already; one
 * that does not answer is left alone for longer each time, however well it reports itself. Pure, but for chance.
 */
import type { Clock, Random } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { BoundedMap } from '../bounded-map';
import type { Access, Family } from './direction';
import type { ReportedServer } from './server-reports';

/** What one path adds to the load of an RS until it reports again; the report then says what it really is. */
const PATH_LOAD = 0.002;
/** Even a full one may be asked when there is no other: it knows best whether it has room. */
const LEAST_ROOM = 0.01;
const FIRST_BACK_OFF_MS = 5_000;
const BACK_OFF_LIMIT_MS = 300_000;
const SERVERS_LIMIT = 1_024;

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
   * Those that may be asked, in the order to ask them. `sides`: the IP versions that each of the two nodes has, or
   * has TLS over; an RS must have one of each, and may join two nodes that have none in common.
   */
  order(servers: readonly ReportedServer[], sides: readonly (readonly Access[])[]): ReportedServer[] {
    const left = servers.filter((server) => !server.draining && this.isReady(server) && serves(server, sides));
    const order: ReportedServer[] = [];
    while (left.length > 0) order.push(...left.splice(this.draw(left), 1));
    return order;
  }

  gave(server: ReportedServer): void {
    const standing = this.standingOf(server);
    standing.given++;
    standing.failures = 0;
  }

  failed(server: ReportedServer): void {
    const standing = this.standingOf(server);
    const backOffMs = Math.min(FIRST_BACK_OFF_MS * 2 ** standing.failures++, BACK_OFF_LIMIT_MS);
    standing.notBeforeMs = this.clock.now() + backOffMs;
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

function serves({ endpoints, streams }: ReportedServer, sides: readonly (readonly Access[])[]): boolean {
  if (endpoints.length === 0) return true; // it says where with each path
  const family = ({ address }: Endpoint): Family => (address.includes(':') ? 6 : 4);
  const own: Access[] = [...endpoints.map(family), ...streams.map((at): Access => `tls${family(at)}`)];
  return sides.every((accesses) => accesses.length === 0 || accesses.some((access) => own.includes(access)));
}
