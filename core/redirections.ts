/**
 * The tunnels of a host that has changed its network, directed anew by the DC (Figure 7 step 11): all that are in use,
 * right after the Registration Request; once more when the node is registered, where that could not be asked before;
 * and then until the DC is there, the correspondent is known to be absent, or nobody wants it any more.
 */
import type { Correspondent } from './correspondent';
import type { NtmError } from './errors';
import { KnownNodeError } from './negotiation/directions';
import type { Clock, Timers } from './runtime';

/** A tunnel that was given up in an outage: its connections wait. */
const IN_USE_MS = 900_000;
const RETRY_MS = 2_000;
/** The DC handles 256 requests of a node at once, and others shall have their turn. */
const AT_ONCE = 32;
/** The DC could not be asked. What it refuses, it refuses again. */
const AWAY = new Set<string>(['NTM_DC_UNREACHABLE', 'NTM_NOT_REGISTERED', 'NTM_AS_UNREACHABLE']);

export interface RedirectionsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  all(): Iterable<Correspondent>;
  /** Asks the DC, because of a handover. */
  direct(fqdn: string): Promise<unknown>;
  failed(known: Correspondent, error: Error): void;
}

export class Redirections {
  constructor(private readonly options: RedirectionsOptions) {}

  /** Every tunnel that is in use. */
  begin(): void {
    const sinceMs = this.options.clock.now() - IN_USE_MS;
    for (const known of this.options.all()) {
      const { tunnel } = known;
      known.isUndirected = !!tunnel && (tunnel.state !== 'idle' || tunnel.lastReceivedMs > sinceMs);
    }
    this.rest();
  }

  /** Those that are still to be directed. */
  rest(): void {
    const waiting = [...this.options.all()].filter(({ isUndirected }) => isUndirected);
    const next = async (): Promise<void> => {
      for (let known = waiting.pop(); known; known = waiting.pop()) await this.redirect(known);
    };
    for (let i = 0; i < AT_ONCE; i++) void next();
  }

  private async redirect(known: Correspondent): Promise<void> {
    if (!known.isUndirected) return;
    const { timers, direct, failed } = this.options;
    try {
      await direct(known.fqdn);
      known.isUndirected = false;
    } catch (error) {
      if (!known.isUndirected) return; // forgotten meanwhile
      known.isUndirected = AWAY.has((error as NtmError).code);
      if (error instanceof KnownNodeError) failed(known, error);
      if (!known.isUndirected) return;
      known.retry?.cancel();
      known.retry = timers.schedule(RETRY_MS, () => void this.redirect(known));
    }
  }
}
