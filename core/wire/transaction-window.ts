/**
 * Which transaction ids of one sender were seen (the sliding window of RFC 6479, over a set since control
 * messages are few). An id below the window is old: whatever it was, it is a replay.
 */
const WINDOW = 256n;

export class TransactionWindow {
  private highest = -1n;
  private readonly seen = new Set<bigint>();

  /** True once for each id. Call it only after the message was authenticated. */
  accept(id: bigint): boolean {
    if (id <= this.highest - WINDOW || this.seen.has(id)) return false;
    this.seen.add(id);
    if (id > this.highest) {
      this.highest = id;
      for (const old of this.seen) if (old <= id - WINDOW) this.seen.delete(old);
    }
    return true;
  }
}
