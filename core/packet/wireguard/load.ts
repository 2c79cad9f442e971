/**
 * What keeps a flood of handshakes from costing much (white paper section 5.3). Two steps: under load a sender must show
 * by a cookie that it receives where it sends from; then its address, now known to be its own, gets its fair share.
 */
import type { Clock } from '../../runtime';
import { HANDSHAKE_BURST, HANDSHAKES_PER_SECOND, LOAD_INITIATIONS_PER_SECOND } from './constants';

/** Buckets kept; an address needs a valid cookie to get one. */
const BUCKETS_LIMIT = 4_096;

/** Handshake messages in the current second. */
export class LoadMeter {
  private sinceMs = -Infinity;
  private handshakes = 0;

  constructor(private readonly clock: Clock) {}

  /** Counts one more and says how many there were in this second. */
  count(): number {
    const now = this.clock.now();
    if (now - this.sinceMs >= 1_000) {
      this.sinceMs = now;
      this.handshakes = 0;
    }
    return ++this.handshakes;
  }
}

/** The predicate of an owner who has no better one. */
export function isManyHandshakes(handshakesThisSecond: number): boolean {
  return handshakesThisSecond > LOAD_INITIATIONS_PER_SECOND;
}

/** A token bucket for each address. */
export class SourceLimiter {
  private readonly buckets = new Map<string, { tokens: number; filledMs: number }>();

  constructor(private readonly clock: Clock) {}

  /** Takes a token of this address, if it has one left. */
  admits(address: string): boolean {
    const now = this.clock.now();
    const bucket = this.buckets.get(address);
    if (!bucket) return this.admitFirst(address, now);
    const earned = ((now - bucket.filledMs) / 1_000) * HANDSHAKES_PER_SECOND;
    bucket.tokens = Math.min(HANDSHAKE_BURST, bucket.tokens + earned);
    bucket.filledMs = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  private admitFirst(address: string, now: number): boolean {
    if (this.buckets.size >= BUCKETS_LIMIT) this.forgetFull(now);
    if (this.buckets.size >= BUCKETS_LIMIT) return false;
    this.buckets.set(address, { tokens: HANDSHAKE_BURST - 1, filledMs: now });
    return true;
  }

  /** A bucket that is full again says no more than one that is not there. */
  private forgetFull(now: number): void {
    const fullAfterMs = (HANDSHAKE_BURST / HANDSHAKES_PER_SECOND) * 1_000;
    for (const [address, { filledMs }] of this.buckets) {
      if (now - filledMs >= fullAfterMs) this.buckets.delete(address);
    }
  }
}
