/**
 * Ends of sessions on their way to the DCs: from the store, where whoever changes an account has written them, to each
 * DC, until it has acknowledged. A DC that is away hears them when it is back.
 *
 *   written -- within POLL_MS --> sent -- acknowledged --> forgotten
 *                                   '---- unanswered ----> sent again after 1, 2, 4, ... 30 s, or when the DC reports
 */
import type { Clock, Timer, Timers } from '../../core/runtime';
import { Refused } from '../../core/wire/outcomes';
import type { Revocation, RevocationStore } from '../store/account-store';

/** The store is another process's too, which tells nobody; asking it takes microseconds. */
const POLL_MS = 500;
const AT_ONCE = 32;
const RETRY_MS = { first: 1_000, limit: 30_000 };

export interface RevocationsOptions {
  readonly store: RevocationStore;
  readonly clock: Clock;
  readonly timers: Timers;
  /** True when the DC of the zone has acknowledged. */
  deliver(revocation: Revocation): Promise<boolean>;
  /** The store cannot be read or written now. */
  onFault(error: unknown): void;
}

interface Away {
  readonly untilMs: number;
  readonly delayMs: number;
}

export class Revocations {
  private timer: Timer | undefined;
  private readonly away = new Map<string, Away>();
  private readonly busy = new Set<string>();
  private closed = false;

  constructor(private readonly options: RevocationsOptions) {}

  start(): void {
    if (this.closed) return;
    this.timer?.cancel();
    this.timer = this.options.timers.schedule(POLL_MS, () => this.start());
    this.poll().catch((error: unknown) => this.options.onFault(error));
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }

  /** The DC of this zone is there. */
  heard(zone: string): void {
    if (this.away.delete(zone)) this.start();
  }

  /** What ends the session of a name is acknowledged before another session begins. Throws Refused: unavailable. */
  async settle(zone: string, fqdn: string): Promise<void> {
    for (const revocation of await this.options.store.pendingOf(zone, fqdn)) {
      if (!(await this.send(revocation))) throw new Refused('unavailable');
    }
  }

  private async poll(): Promise<void> {
    const now = this.options.clock.now();
    const zones = await this.options.store.zones();
    for (const zone of this.away.keys()) if (!zones.includes(zone)) this.away.delete(zone);
    const due = zones.filter((zone) => !this.busy.has(zone) && (this.away.get(zone)?.untilMs ?? 0) <= now);
    await Promise.all(due.map((zone) => this.sendAll(zone)));
  }

  private async sendAll(zone: string): Promise<void> {
    this.busy.add(zone);
    try {
      for (;;) {
        const pending = await this.options.store.pending(zone, AT_ONCE);
        const sent = await Promise.all(pending.map((revocation) => this.send(revocation)));
        if (sent.includes(false)) return this.unanswered(zone);
        this.away.delete(zone);
        if (pending.length < AT_ONCE || this.closed) return;
      }
    } finally {
      this.busy.delete(zone);
    }
  }

  private async send(revocation: Revocation): Promise<boolean> {
    if (!(await this.options.deliver(revocation))) return false;
    if (!this.closed) await this.options.store.acknowledged(revocation.id);
    return true;
  }

  private unanswered(zone: string): void {
    const before = this.away.get(zone)?.delayMs;
    const delayMs = before === undefined ? RETRY_MS.first : Math.min(2 * before, RETRY_MS.limit);
    this.away.set(zone, { untilMs: this.options.clock.now() + delayMs, delayMs });
  }
}
