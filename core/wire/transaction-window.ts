/**
 * Which transaction ids of one sender were seen (the sliding window of RFC 6479, over a set since control
 * messages are few). An id below the window is old: whatever it was, it is a replay.
 */
export const WINDOW = 256n;

export class TransactionWindow {
  private highest = -1n;
  private readonly seen = new Set<bigint>();

  isNew(id: bigint): boolean {
    return id > this.highest - WINDOW && !this.seen.has(id);
  }

  /** Of an id that is new. Call it only after the message was authenticated. */
  accept(id: bigint): void {
    this.seen.add(id);
    if (id <= this.highest) return;
    this.highest = id;
    for (const old of this.seen) if (old <= id - WINDOW) this.seen.delete(old);
  }
}
