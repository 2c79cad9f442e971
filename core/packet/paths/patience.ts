/** Since when something should have been heard by the path that packets take, and how long that is borne. */
import type { Path } from '../path';
import { Waking } from './waking';

/** Nothing heard by a path for so long, though packets and probes were sent: it is dead. */
export const DEAD_MS = 2_000;
/** The peer has left the path already, it seems, as it is heard by another; or there was a silence before. */
export const SUSPECT_MS = 1_000;
/** That no path works is told so often. */
export const STUCK_MS = 10_000;
/** A path that is not used is held ready for so long after the last packet. */
export const ACTIVE_MS = 60_000;

const TICK_MS = { calm: 500, suspicious: 200, attentive: 100 };

export class Patience {
  /** Whether there is a reason to think that the path is dead. */
  isShort = false;
  private sinceMs: number | undefined;
  private waking: Waking | undefined;

  get isWaiting(): boolean {
    return this.sinceMs !== undefined;
  }

  /** From now on something should be heard. */
  begin(nowMs: number): void {
    this.sinceMs = nowMs;
  }

  /** The same after a silence: packets go by this path, too, if there is one. */
  wake(nowMs: number, relay: Path | undefined): void {
    this.waking = new Waking(nowMs, relay);
    this.isShort = true;
  }

  /** What was sent last has had no answer, though others before have: waits for it, if for nothing else. */
  unanswered(sentMs: number, heardMs: number): void {
    if (sentMs > heardMs) this.sinceMs ??= sentMs;
  }

  end(): void {
    this.sinceMs = this.waking = undefined;
    this.isShort = false;
  }

  /** When something last came by the path. */
  heard(atMs: number): void {
    if (this.sinceMs !== undefined && atMs >= this.sinceMs) this.end();
  }

  /** When to look again. `isAttentive`: there is somewhere else to go at once. */
  tickMs(isAttentive: boolean): number {
    return isAttentive ? TICK_MS.attentive : this.isShort ? TICK_MS.suspicious : TICK_MS.calm;
  }

  silentMs(nowMs: number): number {
    return this.sinceMs === undefined ? 0 : nowMs - this.sinceMs;
  }

  limitMs(rttMs = 0): number {
    return this.isShort ? Math.min(DEAD_MS, Math.max(SUSPECT_MS, 3 * rttMs)) : DEAD_MS;
  }

  /** Another path that a packet takes as well. */
  copy(): Path | undefined {
    return this.waking?.copy();
  }

  /** Since the first packet after a silence, while nothing has been heard. */
  get wakingSinceMs(): number | undefined {
    return this.waking?.sinceMs;
  }
}
