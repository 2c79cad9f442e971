/**
 * Registration of the node's location at its DC, and the keep alives that hold it (Figure 4 steps 9 to 13).
 *
 *   idle -- register --> registering -- response --> registered -- keep alive unanswered or refused --> lost
 *
 * Keep alives hold a NAT's mapping open, so they are frequent; rare while the node rests, since the NS can wake it.
 * What to do about a lost registration (log in again, wait) is the owner's decision.
 */
import type { Timer, Timers } from '../runtime';
import type { Endpoint } from '../wire/addresses';
import type { Body, Message } from '../wire/messages';
import { Refused, Unanswered } from '../wire/outcomes';
import type { Peer } from '../wire/peers';
import type { Signalling } from '../wire/signalling';
import { expectMessage } from './login';

/** Longer than three keep alives of a node that rests, so that two may be lost. The DC gives as much as it thinks fit. */
const LIFETIME_MS = 2_100_000;

/**
 * How a node finds that its DC is not its DC any more. `session`: it does not know the key, as after a restart;
 * `registration`: only where the node is, e.g. after a long sleep; `silence`: it does not answer; `replaced`: another
 * program has the name; `revoked`: the AS has ended the session.
 */
export type Loss = 'session' | 'registration' | 'silence' | 'replaced' | 'revoked';

/** What this node knows of itself beside its interfaces (core/reach/discovery.ts). */
export interface OwnSituation {
  readonly reach: Body<'registrationRequest'>['reach'];
  /** Where a NAT in between forgets sooner than most. */
  readonly keepAlive?: { readonly intervalMs: number | undefined };
  /** The DC says where it sees this node, and from where else it may look. */
  observed(by: Endpoint, endpoint: Endpoint, relays?: Body<'registrationResponse'>['relays']): void;
  hostMoved(): void;
}

export interface RegistrationOptions {
  readonly signalling: Signalling<Endpoint>;
  readonly timers: Timers;
  readonly coordinator: Peer;
  /** As it is to be used now: a DC may have several, of both IP versions. */
  coordinatorEndpoint(): Endpoint;
  readonly route: 'auto' | 'relay' | 'direct';
  /** Where this node's UDP sockets can be reached by its own account of its interfaces. */
  hostEndpoints(): Endpoint[];
  readonly situation?: OwnSituation | undefined;
  /** Called once. */
  onLost(reason: Loss): void;
}

export type Registered = Body<'registrationResponse'>;

export class Registration {
  private keepAliveTimer: Timer | undefined;
  private isResting = false;
  private answer: Registered | undefined;
  /** What is asked of the DC from where this node is; aborted when it moves. */
  private here = new AbortController();
  private closed = false;

  constructor(private readonly options: RegistrationOptions) {}

  /** Rejects with Refused or Unanswered. `tries`: see Signalling.request. */
  async register(tries?: number, handover = false): Promise<Registered> {
    const answer = await this.ask(tries, handover);
    void this.keepAlive(handover);
    return answer;
  }

  /** Once more while registered: tells the DC where this node is, and finds out whether it knows. As `move`. */
  async refresh(tries?: number): Promise<Registered | undefined> {
    const answer = await this.askAgain(tries, false);
    if (answer && this.keepAliveTimer) this.scheduleKeepAlive();
    return answer;
  }

  /** This host has changed its network (Figure 7 steps 3 to 7). undefined: it has moved again, or `onLost` was told. */
  async move(tries?: number): Promise<Registered | undefined> {
    this.keepAliveTimer?.cancel();
    this.here.abort();
    this.here = new AbortController();
    const answer = await this.askAgain(tries, true);
    if (answer) void this.keepAlive(true);
    return answer;
  }

  /** The NS can wake this node, or cannot any more. */
  rest(isResting: boolean): void {
    if (this.isResting === isResting) return;
    this.isResting = isResting;
    if (this.keepAliveTimer) this.scheduleKeepAlive();
  }

  /** Tells the DC that this node leaves: once, before this returns, since the process may end right after. */
  deregister(): void {
    this.close();
    const { signalling, coordinator, coordinatorEndpoint } = this.options;
    signalling.oneway(coordinator, coordinatorEndpoint(), this.request(0, false));
  }

  close(): void {
    this.closed = true;
    this.keepAliveTimer?.cancel();
  }

  private async askAgain(tries: number | undefined, handover: boolean): Promise<Registered | undefined> {
    const { signal } = this.here;
    try {
      const answer = await this.ask(tries, handover);
      return this.closed || signal.aborted ? undefined : answer;
    } catch (error) {
      this.lost(error, signal);
      return undefined;
    }
  }

  private async ask(tries: number | undefined, handover: boolean): Promise<Registered> {
    const { signalling, coordinator, situation } = this.options;
    const request = this.request(LIFETIME_MS, handover);
    const endpoint = this.options.coordinatorEndpoint();
    const { signal } = this.here;
    const answer = await signalling.request(coordinator, endpoint, request, { tries, signal });
    this.answer = expectMessage(answer, 'registrationResponse');
    const { observed, relays = [] } = this.answer;
    if (!this.closed && !signal.aborted) situation?.observed(endpoint, observed, relays);
    return this.answer;
  }

  private request(lifetimeMs: number, handover: boolean): Message {
    const { hostEndpoints, route, situation } = this.options;
    const body: Body<'registrationRequest'> = { endpoints: hostEndpoints(), lifetimeMs, route };
    if (lifetimeMs > 0 && situation?.reach) body.reach = situation.reach;
    return { name: 'registrationRequest', body, handover };
  }

  private async keepAlive(handover = false): Promise<void> {
    const { signalling, coordinator, situation } = this.options;
    const endpoint = this.options.coordinatorEndpoint();
    const { signal } = this.here;
    this.keepAliveTimer?.cancel();
    this.keepAliveTimer = undefined;
    try {
      const message: Message = { name: 'keepAlive', body: {}, handover };
      const answer = await signalling.request(coordinator, endpoint, message, { signal });
      const { observed } = expectMessage(answer, 'keepAliveAck');
      if (!this.closed && !signal.aborted) situation?.observed(endpoint, observed);
    } catch (error) {
      return this.lost(error, signal);
    }
    this.scheduleKeepAlive();
  }

  private scheduleKeepAlive(): void {
    if (this.closed || !this.answer) return;
    const { keepAliveMs, notification } = this.answer;
    const oftenMs = Math.min(keepAliveMs, this.options.situation?.keepAlive?.intervalMs ?? keepAliveMs);
    const intervalMs = (this.isResting ? notification?.keepAliveMs : undefined) ?? oftenMs;
    this.keepAliveTimer?.cancel();
    this.keepAliveTimer = this.options.timers.schedule(intervalMs, () => void this.keepAlive());
  }

  /** `signal`: of what was asked. Where it was aborted, the error says nothing of the DC. */
  private lost(error: unknown, signal: AbortSignal): void {
    if (this.closed || signal.aborted) return;
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
