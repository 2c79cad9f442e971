/**
 * By which of the host's interfaces the relay server of a tunnel is reached. The path is the same by any: the RS sends
 * to where it was last bound from, and what is bound elsewhere goes on there (core/negotiation/relay-bindings.ts).
 *
 *   tended    while nothing direct stands by, the RS is asked by each other interface, rarely (STUN): does it answer?
 *   doubted   nothing comes by the relay: the RS is asked by all interfaces
 *   taken     it has answered by another one since, and not by the one in use: the path is bound by that
 *   returned  it answers by the host's own way again, for a while
 */
import type { Clock } from '../../runtime';
import { type Endpoint, familyOf } from '../../wire/addresses';
import type { RelayPath, Via } from '../path';
import { againMs, HOLD_MS } from './asking';
import { PathRecord } from './path-record';

/** The relay paths that this node has bound. */
export interface Relays {
  /** When something last came from the RS of this path. */
  heardMs(path: RelayPath): number;
  /** Asks it whether it is there, once, by the way in use. */
  call(path: RelayPath): void;
  /** Binds the path by that interface from now on; undefined: by the host's own way. */
  reachBy(path: RelayPath, via: Via | undefined): void;
}

/** The host's sockets by other interfaces, and asking a server by them. */
export interface Askers {
  /** Of this IP version. Those that are missing are opened, and there later. */
  vias(family: 4 | 6): readonly Via[];
  /** False when its address is gone. */
  isOpen(via: Via): boolean;
  /** Resolves with the round trip time if this server answers by that socket, or has less than `maxAgeMs` ago. */
  ask(server: Endpoint, via: Via | undefined, maxAgeMs: number): Promise<number | undefined>;
}

export interface RelayStandbyPorts {
  readonly clock: Clock;
  readonly standbys?: Askers;
  readonly relays?: Relays;
}

/** undefined: the host's own. */
type Way = Via | undefined;

interface Known {
  askedMs: number;
  heardMs: number;
  /** Without an answer. */
  tries: number;
}

/** By which the RS has answered within this time, the path may have to be bound. */
const READY_MS = 3 * HOLD_MS;
/** The host's own way, while another one is taken. */
const RETURN_MS = 1_000;
/** In doubt: no older answer counts. Shorter than anything that is doubted. */
const FRESH_MS = 100;

export class RelayStandby {
  private path: RelayPath | undefined;
  private taken: Way;
  private own: PathRecord | undefined;
  private doubtedMs = -Infinity;
  private readonly ways = new Map<Way, Known>();

  constructor(private readonly ports: RelayStandbyPorts) {}

  /** Whether the RS answers by another interface than the one in use. */
  isReady(path: RelayPath): boolean {
    if (path !== this.path) return false;
    const sinceMs = this.ports.clock.now() - READY_MS;
    return this.others.some((way) => this.known(way).heardMs >= sinceMs);
  }

  get isTaken(): boolean {
    return this.taken !== undefined;
  }

  takes(via: Via): boolean {
    return this.taken === via;
  }

  /** While packets are sent. True: the path is bound by the host's own way again. */
  tend(path: RelayPath): boolean {
    const { standbys, relays, clock } = this.ports;
    if (!standbys || !relays) return false;
    if (path !== this.path) this.begin(path);
    if (this.taken && !standbys.isOpen(this.taken)) return this.return();
    const nowMs = clock.now();
    this.forgetClosed();
    for (const way of this.others) {
      const { askedMs, heardMs, tries } = this.known(way);
      const isHeard = tries === 0 && heardMs > -Infinity;
      const otherMs = isHeard ? HOLD_MS : againMs(tries);
      const waitMs = way ? otherMs : RETURN_MS;
      if (nowMs - askedMs >= waitMs) this.ask(way, waitMs / 2);
    }
    return this.taken !== undefined && this.own?.isUsable(nowMs) ? this.return() : false;
  }

  /** Nothing has come for `silentMs`. */
  doubt(path: RelayPath, silentMs: number): void {
    const nowMs = this.ports.clock.now();
    if (path !== this.path || nowMs - this.doubtedMs < Math.max(FRESH_MS, silentMs / 3)) return;
    this.doubtedMs = nowMs;
    this.ports.relays?.call(path);
    for (const way of this.others) this.ask(way, FRESH_MS);
  }

  /** Whether the RS is heard by the way in use, since that time. */
  isHeardSince(path: RelayPath, sinceMs: number): boolean {
    return (this.ports.relays?.heardMs(path) ?? -Infinity) >= sinceMs;
  }

  /** Takes another interface, by which the RS was heard since that time. False: there is none. */
  take(path: RelayPath, sinceMs: number): boolean {
    const { standbys, relays, clock } = this.ports;
    if (path !== this.path) return false;
    const isHeard = (way: Way): boolean => this.known(way).heardMs >= sinceMs;
    const heard = this.others.filter((way) => isHeard(way) && (!way || standbys?.isOpen(way)));
    if (heard.length === 0) return false;
    if (!this.taken) this.own?.died(clock.now());
    this.taken = heard[0];
    relays?.reachBy(path, this.taken);
    return true;
  }

  /** This host is in another network: all is bound by its own way. */
  reset(): void {
    this.path = this.taken = this.own = undefined;
    this.ways.clear();
  }

  private return(): true {
    this.taken = undefined;
    if (this.path) this.ports.relays?.reachBy(this.path, undefined);
    return true;
  }

  private begin(path: RelayPath): void {
    this.reset();
    this.path = path;
    this.own = new PathRecord(path);
  }

  private get others(): readonly Way[] {
    const { path, taken, ports } = this;
    if (!path || !ports.standbys) return [];
    const vias = ports.standbys.vias(familyOf(path.endpoint));
    return [...(taken ? [undefined] : []), ...vias.filter((via) => via !== taken)];
  }

  private forgetClosed(): void {
    const { others, taken } = this;
    for (const way of this.ways.keys()) if (way && way !== taken && !others.includes(way)) this.ways.delete(way);
  }

  private ask(way: Way, maxAgeMs: number): void {
    const { path, ports, own } = this;
    const known = this.known(way);
    const nowMs = ports.clock.now();
    known.askedMs = nowMs;
    known.tries += 1;
    void ports.standbys?.ask(path!.endpoint, way, maxAgeMs).then((rttMs) => {
      if (rttMs === undefined) return way ? undefined : own?.lost(nowMs);
      known.heardMs = Math.max(known.heardMs, nowMs - maxAgeMs);
      known.tries = 0;
      if (!way) own?.answered(rttMs, nowMs);
    });
  }

  private known(way: Way): Known {
    const known = this.ways.get(way) ?? { askedMs: -Infinity, heardMs: -Infinity, tries: 0 };
    this.ways.set(way, known);
    return known;
  }
}
