/**
 * Replay window over packet counters: the ring of words of RFC 6479. Ask only after the packet was authenticated.
 */
const WORD_BITS = 32;
const RING_WORDS = 256;
/**
 * How far a counter may lie behind the highest: 8,128, as wireguard-go and the Linux implementation have it. A ring is
 * good for one word less than it has, because sliding clears a word whose counters are not all past yet.
 */
const WINDOW = 8_128;

export class ReplayWindow {
  /** The newest counter that was accepted, -1 before the first. */
  highest = -1;
  private readonly ring = new Uint32Array(RING_WORDS);

  /** True once for each counter that is not too old. */
  accept(counter: number): boolean {
    if (counter > this.highest) this.slideTo(counter);
    else if (this.highest - counter > WINDOW) return false;
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
