/**
 * Whether the host was asleep. Linux's monotonic clock stands still meanwhile, and the wall clock goes on; elsewhere, and
 * when only this process was stopped, timers fire much later than they should. A wall clock that somebody sets forward
 * looks the same, and costs a handover that was not needed.
 */
import type { Clock } from '../runtime';

/** Clocks are corrected by less, and event loops are blocked for less. */
const JUMP_MS = 3_000;
const LATE_MS = 20_000;

export class Slumber {
  private lastMs: number | undefined;
  private lastAheadMs = 0;

  constructor(private readonly clock: Clock) {}

  /** Asked every few seconds: whether the host was asleep since the last time. */
  isOver(): boolean {
    const nowMs = this.clock.now();
    const aheadMs = this.clock.wallTimeMs() - nowMs;
    const { lastMs, lastAheadMs } = this;
    this.lastMs = nowMs;
    this.lastAheadMs = aheadMs;
    return lastMs !== undefined && (aheadMs - lastAheadMs > JUMP_MS || nowMs - lastMs > LATE_MS);
  }
}
