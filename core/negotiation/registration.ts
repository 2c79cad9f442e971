/**
 * Registration of the node's location at its DC, and the keep alives that hold it (Figure 4 steps 9 to 13).
 *
 *   idle -- register --> registering -- response --> registered -- keep alive unanswered or refused --> lost
 *
 * What to do about a lost registration (log in again, wait) is the owner's decision.
 */
import type { Timer, Timers } from '../runtime';
import type { Endpoint } from '../wire/addresses';
import type { Body, Message } from '../wire/messages';
import { Refused, Unanswered } from '../wire/outcomes';
import type { Peer } from '../wire/peers';
import type { Signalling } from '../wire/signalling';
import { expectMessage } from './login';

/** Longer than three keep alives of the usual 25 s, so that two may be lost. */
const LIFETIME_MS = 90_000;

/**
 * How a node finds that its DC is not its DC any more. `session`: it does not know the key, as after a restart;
 * `registration`: only where the node is, e.g. after a long sleep; `silence`: it does not answer; `replaced`: another
 * program has the name; `revoked`: the AS has ended the session.
 */
export type Loss = 'session' | 'registration' | 'silence' | 'replaced' | 'revoked';

export interface RegistrationOptions {
  readonly signalling: Signalling<Endpoint>;
  readonly timers: Timers;
  readonly coordinator: Peer;
  readonly coordinatorEndpoint: Endpoint;
  readonly route: 'auto' | 'relay' | 'direct';
  /** Where this node's UDP sockets can be reached by its own account of its interfaces. */
  hostEndpoints(): Endpoint[];
  /** Called once. */
  onLost(reason: Loss): void;
}

export type Registered = Body<'registrationResponse'>;

export class Registration {
  private keepAliveTimer: Timer | undefined;
  private closed = false;

  constructor(private readonly options: RegistrationOptions) {}

  /** Rejects with Refused or Unanswered. `tries`: see Signalling.request. */
  async register(tries?: number): Promise<Registered> {
    const { signalling, coordinator, coordinatorEndpoint } = this.options;
    const answer = await signalling.request(coordinator, coordinatorEndpoint, this.request(LIFETIME_MS), tries);
    const registered = expectMessage(answer, 'registrationResponse');
    void this.keepAlive(registered.keepAliveMs);
    return registered;
  }

  /** Once more while registered: tells the DC where this node is, and finds out whether it knows. */
  async refresh(tries?: number): Promise<Registered | undefined> {
    const { signalling, coordinator, coordinatorEndpoint } = this.options;
    try {
      const answer = await signalling.request(coordinator, coordinatorEndpoint, this.request(LIFETIME_MS), tries);
      return this.closed ? undefined : expectMessage(answer, 'registrationResponse');
    } catch (error) {
      this.lost(error);
      return undefined;
    }
  }

  /** Tells the DC that this node leaves: once, before this returns, since the process may end right after. */
  deregister(): void {
    this.close();
    const { signalling, coordinator, coordinatorEndpoint } = this.options;
    signalling.oneway(coordinator, coordinatorEndpoint, this.request(0));
  }

  close(): void {
    this.closed = true;
    this.keepAliveTimer?.cancel();
  }

  private request(lifetimeMs: number): Message {
    const { hostEndpoints, route } = this.options;
    return { name: 'registrationRequest', body: { endpoints: hostEndpoints(), lifetimeMs, route } };
  }

  private async keepAlive(intervalMs: number): Promise<void> {
    const { signalling, coordinator, coordinatorEndpoint, timers } = this.options;
    try {
      await signalling.request(coordinator, coordinatorEndpoint, { name: 'keepAlive', body: {} });
    } catch (error) {
      return this.lost(error);
    }
    if (!this.closed) this.keepAliveTimer = timers.schedule(intervalMs, () => void this.keepAlive(intervalMs));
  }

  private lost(error: unknown): void {
    if (this.closed) return;
    this.close();
    this.options.onLost(lossBy(error) ?? 'silence');
  }
}

/** What an error of a request to the DC says of this node's standing there. */
export function lossBy(error: unknown): Loss | undefined {
  if (error instanceof Refused) {
    if (error.refusal === 'replaced' || error.refusal === 'revoked') return error.refusal;
    return error.refusal === 'not-registered' ? 'registration' : undefined;
  }
  if (!(error instanceof Unanswered)) return undefined;
  return error.keyUnknown ? 'session' : 'silence';
}
