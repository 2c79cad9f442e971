/**
 * What programs that care are told of a handover, once it is over: the DC knows where this node is, and each tunnel was
 * heard of from there, or has had its time.
 */
import type { Clock, Timer, Timers } from '../runtime';

/**
 * `addresses`: the host's addresses are others, or were away for a moment; `routes`: its packets leave by another way;
 * `sleep`: it was asleep; `way`: servers are reached over TLS instead of UDP, or by UDP again.
 */
export type HandoverReason = 'addresses' | 'routes' | 'sleep' | 'way';

/** Times in milliseconds; those that end in Ms since the change was noticed. */
export interface Handover {
  readonly reason: HandoverReason;
  /** With interface names, e.g. `wlan0 192.0.2.1`. */
  readonly fromAddresses: readonly string[];
  readonly toAddresses: readonly string[];
  /** Since the Unix epoch: when the change was noticed. */
  readonly startedAt: number;
  /** Until the first notices to correspondent nodes were sent; undefined while there was no network at all. */
  readonly notifiedMs: number | undefined;
  /** Until the first correspondent node had confirmed that it knows; undefined: none, or there is no tunnel. */
  readonly noticedMs: number | undefined;
  /** Until the DC knew. */
  readonly registeredMs: number;
  /** Tunnels in use, and those that work from where this node is now. */
  readonly tunnels: number;
  readonly confirmed: number;
}

/** For correspondent nodes that are away themselves. */
const CONFIRM_MS = 10_000;

export interface HandoverReportsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  onHandover(handover: Handover): void;
}

interface Current {
  readonly reason: HandoverReason;
  readonly from: string;
  readonly startedAt: number;
  readonly sinceMs: number;
  notifiedMs?: number;
  noticedMs?: number;
  registeredMs?: number;
  tunnels: number;
  confirmed: number;
}

export class HandoverReports {
  private current: Current | undefined;
  private before = '';
  private addresses = '';
  private timer: Timer | undefined;

  constructor(private readonly options: HandoverReportsOptions) {}

  /** What the host's addresses were at the last look, and are. */
  seen(before: string, addresses: string): void {
    this.before = before;
    this.addresses = addresses;
  }

  /** The network is another one, or is again while a handover goes on. */
  begin(reason: HandoverReason, addresses: string): void {
    const { clock } = this.options;
    this.addresses = addresses;
    this.timer?.cancel();
    if (this.current) delete this.current.registeredMs;
    const from = reason === 'addresses' ? this.before : addresses;
    const [startedAt, sinceMs] = [clock.wallTimeMs(), clock.now()];
    this.current ??= { reason, from, startedAt, sinceMs, tunnels: 0, confirmed: 0 };
  }

  notified(tunnels: number): void {
    if (!this.current) return;
    this.current.notifiedMs ??= this.passedMs(this.current);
    this.current.tunnels = tunnels;
    this.current.confirmed = 0;
  }

  confirmed(): void {
    if (!this.current) return;
    this.current.noticedMs ??= this.passedMs(this.current);
    this.current.confirmed += 1;
    this.endIfOver(this.current);
  }

  registered(): void {
    const { current } = this;
    if (!current) return;
    current.registeredMs = this.passedMs(current);
    this.timer?.cancel();
    this.timer = this.options.timers.schedule(CONFIRM_MS, () => this.end(current));
    this.endIfOver(current);
  }

  close(): void {
    this.timer?.cancel();
    this.current = undefined;
  }

  private passedMs({ sinceMs }: Current): number {
    return this.options.clock.now() - sinceMs;
  }

  private endIfOver(current: Current): void {
    if (current.registeredMs !== undefined && current.confirmed >= current.tunnels) this.end(current);
  }

  private end(current: Current): void {
    this.close();
    const { reason, from, startedAt, notifiedMs, noticedMs, registeredMs = 0, tunnels, confirmed } = current;
    this.options.onHandover({
      ...{ reason, startedAt, notifiedMs, noticedMs, registeredMs, tunnels, confirmed },
      fromAddresses: listed(from),
      toAddresses: listed(this.addresses),
    });
  }
}

function listed(addresses: string): string[] {
  return addresses === '' ? [] : addresses.split(', ');
}
