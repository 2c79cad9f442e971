/** Nodes that are about to register, by a push message or in another network, and who waits for that. */
import type { Timers } from '../../core/runtime';
import { within } from '../../core/wire/within';

/** Within the patience of who asks: MN and its DC wait 3,750 ms for an answer. */
const HOLD_MS = 2_000;

export class Wakings {
  private readonly waiting = new Map<string, Set<() => void>>();

  constructor(private readonly timers: Timers) {}

  /** Resolves when the node has registered, when it is known that it will not, or when it was waited for long enough. */
  async wait(fqdn: string): Promise<void> {
    let forget = (): void => {};
    await within(this.timers, HOLD_MS, new Promise<void>((resolve) => (forget = this.next(fqdn, resolve))));
    forget();
  }

  /** `then` is called once, when the node has registered, or it is known that it will not. Returns what forgets it. */
  next(fqdn: string, then: () => void): () => void {
    const waiting = this.waiting.get(fqdn) ?? new Set();
    this.waiting.set(fqdn, waiting.add(then));
    return () => {
      waiting.delete(then);
      if (waiting.size === 0 && this.waiting.get(fqdn) === waiting) this.waiting.delete(fqdn);
    };
  }

  ended(fqdn: string): void {
    const waiting = this.waiting.get(fqdn);
    this.waiting.delete(fqdn);
    for (const wake of waiting ?? []) wake();
  }
}
