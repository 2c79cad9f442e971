/**
 * Replay window over packet counters: the ring of words of RFC 6479, 8,128 counters wide as in the white paper
 * (section 5.4.6). Ask only after the packet was authenticated.
 */
const WORD_BITS = 32;
const RING_WORDS = 256;
/** One word of the ring is always being cleared, so it does not count. */
const WINDOW = (RING_WORDS - 2) * WORD_BITS;

export class ReplayWindow {
  private readonly ring = new Uint32Array(RING_WORDS);
  private highest = -1;

  /** True once for each counter that is not too old. */
  accept(counter: number): boolean {
    if (counter > this.highest) this.slideTo(counter);
    else if (this.highest - counter >= WINDOW) return false;
    const word = Math.floor(counter / WORD_BITS) % RING_WORDS;
    const bit = 1 << (counter % WORD_BITS);
    if (this.ring[word]! & bit) return false;
    this.ring[word]! |= bit;
    return true;
  }

  private slideTo(counter: number): void {
    const from = Math.floor(this.highest / WORD_BITS);
    const to = Math.floor(counter / WORD_BITS);
    const steps = Math.min(to - from, RING_WORDS);
    for (let i = 1; i <= steps; i++) this.ring[(from + i + RING_WORDS) % RING_WORDS] = 0;
    this.highest = counter;
  }
}
