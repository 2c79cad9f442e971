/** How busy handshakes keep this node (white paper section 5.3): under load, senders must prove their address first. */
import type { Clock } from '../../runtime';
import { LOAD_INITIATIONS_PER_SECOND } from './constants';

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
