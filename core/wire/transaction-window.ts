/**
 * Which transaction ids of one sender were seen: the sliding window of RFC 6479, as the bits of one number, since there
 * is one for every node of a server. An id below the window is old: whatever it was, it is a replay.
 */
export const WINDOW = 256n;

export class TransactionWindow {
  /** Bit n: `highest` - n was seen. */
  private seen: bigint;

  /** `highest`: of a sender that is known from before a restart; nothing up to there is new. */
  constructor(private highest = -1n) {
    this.seen = highest < 0n ? 0n : BigInt.asUintN(Number(WINDOW), -1n);
  }

  /** The highest id that was accepted. */
  get top(): bigint {
    return this.highest;
  }

  isNew(id: bigint): boolean {
    const age = this.highest - id;
    if (age < 0n) return true;
    return age < WINDOW && ((this.seen >> age) & 1n) === 0n;
  }

  /** Of an id that is new. Call it only after the message was authenticated. */
  accept(id: bigint): void {
    const age = this.highest - id;
    if (age >= 0n) {
      this.seen |= 1n << age;
      return;
    }
    this.seen = -age < WINDOW ? BigInt.asUintN(Number(WINDOW), (this.seen << -age) | 1n) : 1n;
    this.highest = id;
  }
}
