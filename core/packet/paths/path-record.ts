/** What is known of one path of a tunnel: whether its probes are answered, how soon, and how many are lost. */
import { backOff } from '../../back-off';
import type { Path } from '../path';

/** Of the old value, as TCP smooths its round trip times (RFC 6298 section 2). */
const SMOOTHING = 7 / 8;
const LOSS_SMOOTHING = 15 / 16;
/** A path that died has to answer so often, and has to wait before it is trusted again: longer after each time. */
const ANSWERS_AFTER_DEATH = 3;
/** Probes lost in a row, of a path that worked. */
const LOSSES = 3;
const HELD_MS = { first: 2_000, limit: 120_000 };
/** So long after its last death, it is as good as others. */
const FORGIVEN_MS = 600_000;
/** In return for the peer's probes, not more often. */
const IN_RETURN_MS = 20;

export class PathRecord {
  /** Smoothed round trip time; undefined until a probe was answered. */
  rttMs: number | undefined;
  /** Smoothed share of probes that were lost, 0 to 1. */
  loss = 0;
  lastProbeMs = -Infinity;
  private answersInARow = 0;
  private lossesInARow = 0;
  /** When the newest probe was sent that was answered. */
  private answeredMs = -Infinity;
  private deaths = 0;
  private lastDeathMs = -Infinity;
  private heldUntilMs = -Infinity;

  constructor(readonly path: Path) {}

  /** Whether it answers now: packets may be sent this way. */
  isUsable(nowMs: number): boolean {
    return nowMs >= this.heldUntilMs && this.answersInARow >= (this.deaths > 0 ? ANSWERS_AFTER_DEATH : 1);
  }

  get isUntried(): boolean {
    return this.lastProbeMs === -Infinity;
  }

  /** The peer has probed it: whether it shall be probed in return. */
  isToBeTried(nowMs: number): boolean {
    return !this.isUsable(nowMs) && nowMs - this.lastProbeMs >= IN_RETURN_MS;
  }

  get hasDied(): boolean {
    return this.deaths > 0;
  }

  /** A probe that was sent at `sentMs`. */
  answered(rttMs: number, sentMs: number): void {
    this.answeredMs = Math.max(this.answeredMs, sentMs);
    this.answersInARow += 1;
    this.lossesInARow = 0;
    this.loss *= LOSS_SMOOTHING;
    this.rttMs = this.rttMs === undefined ? rttMs : this.rttMs * SMOOTHING + rttMs * (1 - SMOOTHING);
  }

  /** A handshake, or the peer's own choice, has shown that it works; how fast is not known. */
  proven(): void {
    this.answersInARow = Math.max(this.answersInARow, 1);
    this.lossesInARow = 0;
  }

  /** A probe that was sent at `sentMs`; known only some time after those that followed it were answered. */
  lost(sentMs: number): void {
    if (sentMs > this.answeredMs) this.lossesInARow += 1;
    if (this.lossesInARow >= LOSSES) this.answersInARow = 0;
    this.loss = this.loss * LOSS_SMOOTHING + (1 - LOSS_SMOOTHING);
  }

  died(nowMs: number): void {
    if (nowMs - this.lastDeathMs > FORGIVEN_MS) this.deaths = 0;
    this.lastDeathMs = nowMs;
    this.heldUntilMs = nowMs + backOff(HELD_MS, this.deaths);
    this.deaths += 1;
    this.answersInARow = this.lossesInARow = 0;
    this.loss = 0;
    this.rttMs = undefined;
  }

  /** This host, or the peer, is elsewhere: what was known of it is not true any more. */
  forget(): void {
    this.rttMs = undefined;
    this.loss = 0;
    this.answersInARow = this.lossesInARow = 0;
    this.deaths = 0;
    this.heldUntilMs = -Infinity;
  }
}
