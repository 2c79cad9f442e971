/**
 * Keeps the process alive for virtual sockets, by libuv's rule: a handle holds the event loop while it is referenced
 * and active (listening, reading), a pending request (connect, write, shutdown, lookup) holds it regardless.
 * A JavaScript handle cannot hold the loop itself, so one timer does for all.
 *
 * As with libuv, what holds the loop is also a root for the garbage collector: undici refers weakly to a socket that
 * is connecting, and would otherwise never see it time out.
 */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

const holding = new Set<Hold>();
let keeper: NodeJS.Timeout | undefined;

/** One reason to stay alive. `socket`: whose only handle this is, if it is a socket's. */
export class Hold {
  constructor(
    readonly owner: object,
    readonly socket?: () => object | undefined,
  ) {}

  set(held: boolean): void {
    const before = holding.size;
    if (held) holding.add(this);
    else holding.delete(this);
    if (before === 0 && holding.size > 0) {
      keeper ??= setInterval(() => {}, LONGEST_DELAY_MS);
      keeper.ref();
    } else if (before > 0 && holding.size === 0) keeper?.unref();
  }
}

/** Holds the loop until the promise settles. */
export async function holdDuring<T>(pending: Promise<T>): Promise<T> {
  const hold = new Hold(pending);
  hold.set(true);
  try {
    return await pending;
  } finally {
    hold.set(false);
  }
}

export function heldSockets(): object[] {
  return [...holding].flatMap(({ socket }) => socket?.() ?? []);
}

/** How many reasons there are now; 0 when no virtual socket is left open (for leak checks). */
export function holdCount(): number {
  return holding.size;
}
