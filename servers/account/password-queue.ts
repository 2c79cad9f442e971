/**
 * Password hashes computed at once, and those that wait for it, both bounded: each costs 32 MiB and a thread of Node's
 * pool for some 120 ms (password.ts), and whoever waits longer than a node does waits for nothing.
 *
 * Those who logged in from the same address before have a lane of their own, of which three are taken for one of the
 * others, and of the others one address has half of the places at most: strangers who flood do not keep them out.
 */

/** The threads of Node's pool (UV_THREADPOOL_SIZE): 128 MiB. */
const AT_ONCE = 4;
/** In each lane; with those above less than first contacts are handled at once (core/wire/peers.ts). */
const WAITING_LIMIT = 28;
const WAITING_OF_SOURCE_LIMIT = WAITING_LIMIT / 2;
const KNOWN_IN_A_ROW = 3;

interface Waiting {
  readonly source: string;
  start(): void;
}

export class PasswordQueue {
  private readonly known: Waiting[] = [];
  private readonly others: Waiting[] = [];
  private running = 0;
  private knownInARow = 0;

  /** The result of `compute`; undefined when too many wait already. */
  async run<T>(source: string, isKnown: boolean, compute: () => Promise<T>): Promise<T | undefined> {
    if (this.running >= AT_ONCE) {
      const lane = isKnown ? this.known : this.others;
      if (lane.length >= WAITING_LIMIT) return undefined;
      if (!isKnown && lane.filter((each) => each.source === source).length >= WAITING_OF_SOURCE_LIMIT) return undefined;
      await new Promise<void>((start) => lane.push({ source, start }));
    } else this.running++;
    try {
      return await compute();
    } finally {
      this.next();
    }
  }

  /** Hands the place on. */
  private next(): void {
    const preferKnown = this.knownInARow < KNOWN_IN_A_ROW || this.others.length === 0;
    const isKnown = this.known.length > 0 && preferKnown;
    const next = (isKnown ? this.known : this.others).shift();
    this.knownInARow = isKnown ? this.knownInARow + 1 : 0;
    if (next) next.start();
    else this.running--;
  }
}
