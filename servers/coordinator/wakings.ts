/** Nodes that are being woken by a push message, and who waits for one to register. */
import type { Timers } from '../../core/runtime';
import { within } from '../../core/wire/within';

/** Within the patience of who asks: MN and its DC wait 3,750 ms for an answer. */
const HOLD_MS = 2_000;

export class Wakings {
  private readonly waiting = new Map<string, Set<() => void>>();

  constructor(private readonly timers: Timers) {}

  /** Resolves when the node has registered, when it is known that it will not, or when it was waited for long enough. */
  async wait(fqdn: string): Promise<void> {
    const waiting = this.waiting.get(fqdn) ?? new Set();
    this.waiting.set(fqdn, waiting);
    let wake = (): void => {};
    await within(this.timers, HOLD_MS, new Promise<void>((resolve) => waiting.add((wake = resolve))));
    waiting.delete(wake);
    if (waiting.size === 0 && this.waiting.get(fqdn) === waiting) this.waiting.delete(fqdn);
  }

  ended(fqdn: string): void {
    const waiting = this.waiting.get(fqdn);
    this.waiting.delete(fqdn);
    for (const wake of waiting ?? []) wake();
  }
}
