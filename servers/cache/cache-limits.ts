/** What a CS keeps, of whom, and for how long. */
const DAY_MS = 24 * 3_600_000;
const MIB = 2 ** 20;

export interface CacheLimits {
  /** Of one item, sealed. */
  readonly itemBytes: number;
  /** For one node. */
  readonly receiverItems: number;
  readonly receiverBytes: number;
  /** Of one account; less than a receiver may have, so that nobody alone can fill another's. */
  readonly senderItems: number;
  readonly senderBytes: number;
  readonly totalBytes: number;
  /** Time to live, unless the sender says otherwise, and at most. */
  readonly ttlMs: number;
  readonly maximumTtlMs: number;
}

export const defaultCacheLimits: CacheLimits = {
  itemBytes: 16 * MIB,
  receiverItems: 10_000,
  receiverBytes: 256 * MIB,
  senderItems: 5_000,
  senderBytes: 64 * MIB,
  totalBytes: 8_192 * MIB,
  ttlMs: 7 * DAY_MS,
  maximumTtlMs: 30 * DAY_MS,
};
