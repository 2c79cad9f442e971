/**
 * What is done while nothing is heard by the path in use (patience.ts says how long that has been so). With another
 * interface that stands by (standby.ts) each silence is looked at closely. Without one, all that may work is probed
 * now and then until the path is left; the first time soon, where the peer was heard by another path: that may be by
 * another interface of its own, and who only receives knows of no silence unless it is asked there.
 */
import type { Clock, Timer, Timers } from '../../runtime';
import { samePath, type Path } from '../path';
import type { Tunnel } from '../wireguard/tunnel';
import { afterReading } from './after-reading';
import type { PathRecord } from './path-record';
import type { PathRecords } from './path-records';
import { UNMEASURED_MS, type Attention, type Patience } from './patience';
import type { Standby } from './standby';

export interface SilencePorts {
  readonly clock: Clock;
  readonly timers: Timers;
  onDoubt(tunnel: Tunnel, is: 'begun' | 'over'): void;
}

export interface SilenceEvents {
  probe(record: PathRecord): void;
  /** The path is dead. */
  leave(record: PathRecord): void;
  /** All paths by the interface in use are; this one is by another. */
  leaveInterface(to: PathRecord): void;
  /** There is something to look at that no packet tells of. */
  lookLater(): void;
}

/** What the peer sends by two paths at the same time comes by both within so long. */
const HEARD_MS = 50;
/** A path that the peer does not take is asked so rarely. */
const OVERTAKEN_AGAIN_MS = 2_000;
/** Not heard by a path that is there, for so long: the peer has chosen another one. */
const LEFT_MS = 250;
/** The peer has had the time to leave a path that is dead. */
const DOUBTED_MS = 500;

export class Silence {
  /** Packets take another path as well, for a while. */
  isDoubting = false;
  private attention: Attention = 'calm';
  /** When the path in use was asked, as the peer sent by another one. */
  private askedMs = -Infinity;
  private judging: Timer | undefined;

  constructor(
    private readonly tunnel: Tunnel,
    private readonly records: PathRecords,
    private readonly parts: { readonly patience: Patience; readonly standby: Standby },
    private readonly ports: SilencePorts,
    private readonly events: SilenceEvents,
  ) {}

  /** A packet goes out: what was heard since the one before is taken in, where that matters to the millisecond. */
  sent(): void {
    if (this.attention === 'close') this.listen();
  }

  look(): void {
    const { patience, standby } = this.parts;
    this.listen();
    if (this.isDoubting && patience.copiedForMs(this.now) === undefined) this.believe();
    const { current } = this.records;
    this.attention = standby.isReady ? 'close' : current && this.mayBeElsewhere(current) ? 'once' : 'calm';
    const silentMs = patience.silentMs(this.now);
    if (!current || silentMs === 0) return;
    if (this.attention === 'close' && this.lookClosely(current, silentMs)) return;
    if (silentMs >= this.limitMs(current)) return this.events.leave(current);
    if (this.attention !== 'close') this.lookAround(current);
  }

  /** When to look again. */
  get nextMs(): number {
    return this.parts.patience.tickMs(this.attention, this.now, this.records.current?.rttMs);
  }

  /** Something should be heard by the path in use, though this node may have sent nothing. */
  suspect(): void {
    const { patience } = this.parts;
    const { current } = this.records;
    if (patience.isWaiting || !current) return;
    patience.begin(this.now, this.now);
    this.events.probe(current);
  }

  /** Another path is in use, or none: what was owed by the one before is not any more. */
  reset(): void {
    this.parts.patience.end();
    this.askedMs = -Infinity;
  }

  /**
   * The peer's newest packet came by another path, and by the one in use nothing of late: that is asked then if it is
   * there, and doubted if it is not. True when the peer has left it, as far as can be told.
   */
  overtaken(by: Path): boolean {
    const { tunnel } = this;
    const { patience } = this.parts;
    const nowMs = this.now;
    const heardMs = tunnel.pathCounters.lastReceivedMs(tunnel.path);
    if (nowMs - heardMs <= HEARD_MS) return false;
    if (nowMs - this.askedMs > OVERTAKEN_AGAIN_MS) this.ask(by);
    if (this.isDoubting && patience.copiedForMs(nowMs) === undefined) this.believe();
    if (this.isDoubting) {
      this.doubt(by, 'heard');
      return patience.copiedForMs(nowMs)! > DOUBTED_MS;
    }
    // It was there when it was asked, and the peer takes another one.
    const hasLeft = heardMs >= this.askedMs && nowMs - heardMs > LEFT_MS;
    if (hasLeft) patience.isShort = true;
    return hasLeft;
  }

  close(): void {
    this.judging?.cancel();
  }

  /** Packets take this path as well, by which the peer is heard, or may be. One that is heard is the better one. */
  private doubt(other: Path, is: 'heard' | 'ready'): void {
    const { patience } = this.parts;
    const goesOn = this.isDoubting && patience.copiedForMs(this.now) !== undefined;
    if (goesOn) patience.doubtOn(this.now, is === 'heard' ? other : undefined);
    else patience.doubt(this.now, other);
    if (this.isDoubting) return;
    this.isDoubting = true;
    this.ports.onDoubt(this.tunnel, 'begun');
  }

  /** Not before all that stands by was asked. */
  private limitMs(current: PathRecord): number {
    const { patience, standby } = this.parts;
    const limitMs = patience.limitMs(current.rttMs);
    if (this.attention !== 'close') return limitMs;
    return Math.max(limitMs, standby.limitMs(current, patience.doubtAfterMs(current.rttMs)));
  }

  /** True when the path was left. */
  private lookClosely(current: PathRecord, silentMs: number): boolean {
    const { patience, standby } = this.parts;
    if (patience.isUnanswered(this.now, current.rttMs)) {
      const instead = standby.insteadOf(current, silentMs, patience.doubtAfterMs(current.rttMs));
      if (instead === 'path only') this.events.leave(current);
      else if (instead) this.events.leaveInterface(instead);
      if (instead) return true;
      if (standby.inDoubt) this.doubt(standby.inDoubt, 'ready');
    }
    if (patience.asks(this.now, current.rttMs)) standby.ask(current);
    return false;
  }

  /** The peer was heard by another direct path, too; and how long an answer by this one takes is known. */
  private mayBeElsewhere(current: PathRecord): boolean {
    if (current.path.kind !== 'direct' || current.rttMs === undefined) return false;
    return this.records.askable.some((record) => record !== current);
  }

  /** Nobody else is asked before the path in use has had its time to answer. */
  private lookAround(current: PathRecord): void {
    const { patience, standby } = this.parts;
    if (this.attention === 'calm') for (const record of this.records.askable) this.events.probe(record);
    else if (patience.isUnanswered(this.now, current.rttMs)) for (const each of this.records.askable) standby.ask(each);
    else if (patience.asks(this.now, current.rttMs)) standby.ask(current);
  }

  private ask(by: Path): void {
    const { current } = this.records;
    if (!current) return;
    this.askedMs = this.now;
    this.events.probe(current);
    const answerMs = Math.max(HEARD_MS, 1.5 * (current.rttMs ?? UNMEASURED_MS));
    this.judging?.cancel();
    this.judging = afterReading(this.ports, answerMs, () => this.judge(current.path, by));
  }

  /** The path that was asked has had its time. */
  private judge(asked: Path, by: Path): void {
    const { tunnel, askedMs } = this;
    const { patience } = this.parts;
    const heardMs = tunnel.pathCounters.lastReceivedMs(asked);
    if (!samePath(asked, tunnel.path) || heardMs >= askedMs || tunnel.state !== 'established') return;
    patience.heard(heardMs); // what was owed until then
    if (!patience.isWaiting) patience.begin(askedMs, askedMs);
    patience.isShort = true;
    this.doubt(by, 'heard'); // as may the peer
    this.events.lookLater();
  }

  private believe(): void {
    this.isDoubting = false;
    this.ports.onDoubt(this.tunnel, 'over');
  }

  private listen(): void {
    const { patience } = this.parts;
    if (patience.isWaiting) patience.heard(this.tunnel.pathCounters.lastReceivedMs(this.tunnel.path));
  }

  private get now(): number {
    return this.ports.clock.now();
  }
}
