/**
 * Keeps the process alive for virtual sockets, by libuv's rule: a handle holds the event loop while it is referenced
 * and active (listening, reading), a pending request (connect, write, shutdown, lookup) holds it regardless.
 * A JavaScript handle cannot hold the loop itself, so one timer does for all.
 */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

let holds = 0;
let keeper: NodeJS.Timeout | undefined;

/** One reason to stay alive; `hold(true)` twice counts once. */
export class Hold {
  #held = false;

  set(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    holds += held ? 1 : -1;
    if (holds === 1 && held) {
      keeper ??= setInterval(() => {}, LONGEST_DELAY_MS);
      keeper.ref();
    } else if (holds === 0) keeper?.unref();
  }
}

/** Holds the loop until the promise settles. */
export async function holdDuring<T>(pending: Promise<T>): Promise<T> {
  const hold = new Hold();
  hold.set(true);
  try {
    return await pending;
  } finally {
    hold.set(false);
  }
}

/** How many reasons there are now; 0 when no virtual socket is left open (for leak checks). */
export function holdCount(): number {
  return holds;
}
