/**
 * Under load a source that proved its address by a cookie still gets only so many handshakes (white paper section
 * 5.3). A token bucket for each; the rate and the burst are wireguard-go's.
 */
import type { Clock } from '../../runtime';

const PER_SECOND = 20;
const BURST = 5;
const SOURCES_LIMIT = 4_096;

interface Bucket {
  tokens: number;
  filledMs: number;
}

export class RateLimiter {
  /** The longest unused first. */
  private readonly buckets = new Map<string, Bucket>();

  constructor(private readonly clock: Clock) {}

  admits(source: string): boolean {
    const now = this.clock.now();
    const bucket = this.buckets.get(source) ?? { tokens: BURST, filledMs: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + ((now - bucket.filledMs) / 1_000) * PER_SECOND);
    bucket.filledMs = now;
    this.buckets.delete(source);
    this.buckets.set(source, bucket);
    this.makeRoom();
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  private makeRoom(): void {
    if (this.buckets.size <= SOURCES_LIMIT) return;
    for (const longestUnused of this.buckets.keys()) return void this.buckets.delete(longestUnused);
  }
}
