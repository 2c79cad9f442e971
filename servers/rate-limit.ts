/** Token buckets by key, in a bounded table: a bucket that was forgotten was among the longest unused. */
import type { Clock } from '../core/runtime';
import { BoundedMap } from './bounded-map';

export interface Rate {
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** Time for one more token. */
  readonly refillMs: number;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

const KEYS_LIMIT = 16_384;

export class RateLimit {
  private readonly buckets: BoundedMap<string, Bucket>;

  constructor(
    private readonly clock: Clock,
    private readonly rate: Rate,
  ) {
    this.buckets = new BoundedMap(clock, KEYS_LIMIT);
  }

  /** False when the bucket is empty. */
  take(key: string): boolean {
    const bucket = this.filled(key);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** Whether the bucket has a token. */
  has(key: string): boolean {
    return this.filled(key).tokens >= 1;
  }

  /** What was let in, perhaps with others at once, turned out to be misuse: the bucket may owe as much as it holds. */
  spend(key: string): void {
    const bucket = this.filled(key);
    bucket.tokens = Math.max(-this.rate.burst, bucket.tokens - 1);
  }

  /** What was taken turned out to be no misuse. */
  giveBack(key: string): void {
    const bucket = this.filled(key);
    bucket.tokens = Math.min(this.rate.burst, bucket.tokens + 1);
  }

  private filled(key: string): Bucket {
    const now = this.clock.now();
    let bucket = this.buckets.get(key);
    if (!bucket) this.buckets.set(key, (bucket = { tokens: this.rate.burst, filledMs: now }));
    bucket.tokens = Math.min(this.rate.burst, bucket.tokens + (now - bucket.filledMs) / this.rate.refillMs);
    bucket.filledMs = now;
    return bucket;
  }
}
