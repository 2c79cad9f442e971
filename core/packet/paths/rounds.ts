/**
 * Rounds of probes: when paths are probed of which nothing is known. Soon after each other at first, so that two NATs are
 * opened for each other, and then more rarely; as long as somebody would notice.
 */
import type { Clock, Timer, Timers } from '../../runtime';
import type { Tunnel } from '../wireguard/tunnel';
import type { PathRecord } from './path-record';
import type { PathRecords } from './path-records';

/** After the first round. Both nodes begin within a one-way trip of each other. */
const ROUNDS_MS = [20, 40, 80, 160, 320, 640, 1_280, 2_560] as const;
/** A direct path works by then: the others have had their chance. */
const SETTLED_ROUND = 4;
/** A tunnel that stays on its relay looks again: a NAT was restarted, a firewall changed. */
const AGAIN_MS = 60_000;
/** While no path answers, and somebody waits: the network may be back at any moment. */
const STUCK_AGAIN_MS = 1_000;
const STUCK_LIMIT_MS = 600_000;

export interface RoundsPorts {
  readonly clock: Clock;
  readonly timers: Timers;
}

export interface RoundsEvents {
  probe(record: PathRecord): void;
  /** This host has moved, and the peer may not know. */
  isMoveUnknown(): boolean;
  /** When packets were last sent. */
  lastActiveMs(): number;
  /** No direct path has answered by now. */
  onRelayed(): void;
}

export class Rounds {
  private timer: Timer | undefined;
  private round = 0;
  private lastRoundMs = -Infinity;

  constructor(
    private readonly tunnel: Tunnel,
    private readonly records: PathRecords,
    private readonly ports: RoundsPorts,
    private readonly events: RoundsEvents,
  ) {}

  /** No other round is to come. */
  get areOver(): boolean {
    return this.timer === undefined;
  }

  /** The same, or not soon. */
  get areRare(): boolean {
    return this.areOver || this.round > ROUNDS_MS.length;
  }

  /** The tunnel has been on its relay for long. */
  get areDue(): boolean {
    return this.areOver && this.tunnel.path.kind === 'relay' && this.ports.clock.now() - this.lastRoundMs > AGAIN_MS;
  }

  /** The first one is now. */
  begin(): void {
    this.end();
    this.round = 0;
    this.next();
  }

  end(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private next(): void {
    this.timer = undefined;
    const { tunnel, events, ports } = this;
    const nowMs = ports.clock.now();
    const { isStuck, current, list, ordinary } = this.records;
    const idleMs = nowMs - events.lastActiveMs();
    const isOfUse = this.round <= ROUNDS_MS.length || idleMs <= (isStuck ? STUCK_LIMIT_MS : AGAIN_MS);
    if (tunnel.state !== 'established' || !isOfUse) return; // nobody would notice
    const isUrgent = isStuck || events.isMoveUnknown();
    const others = ordinary.filter((record) => record !== current && !record.isUsable(nowMs));
    if (current && (isUrgent || (this.round === 0 && list.length > 1))) events.probe(current);
    for (const record of others) events.probe(record);
    const isSettled = others.length === 0 || (tunnel.path.kind === 'direct' && this.round >= SETTLED_ROUND);
    if (isSettled && !isUrgent) return;
    const delayMs = ROUNDS_MS[this.round++] ?? (isStuck ? STUCK_AGAIN_MS : AGAIN_MS);
    this.lastRoundMs = nowMs;
    if (tunnel.path.kind === 'relay' && this.round === SETTLED_ROUND) events.onRelayed();
    this.timer = ports.timers.schedule(delayMs, () => this.next());
  }
}
