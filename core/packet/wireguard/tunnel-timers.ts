/**
 * The timers of a tunnel, as named events (white paper section 6; wireguard-go's timers.go). Call them when...,
 * those of packets with the time of the packet on the clock:
 *
 *   dataSent             a packet with something in it was sent
 *   dataReceived         a packet with something in it was received
 *   packetSent           anything authenticated was sent
 *   packetReceived       anything authenticated was received
 *   initiationSent       a Tunnel Request was sent, to be retried after `retryMs`
 *   sessionDerived       there are new keys, which the peer may not have yet
 *   attemptEnded         Tunnel Requests are no longer to be retried
 */
import type { Clock, Timers } from '../../runtime';
import { KEEPALIVE_TIMEOUT_MS, REJECT_AFTER_TIME_MS, REKEY_TIMEOUT_MS, UNANSWERED_MS } from './constants';
import { LazyTimer } from './lazy-timer';

/** After the last data, a tunnel is kept open as if it were in use for so long; then its keep alives are rare. */
const IN_USE_MS = 300_000;

export interface TunnelTimerEvents {
  /** No answer to the last Tunnel Request. */
  retry(): void;
  /** No answer for UNANSWERED_MS since the first Tunnel Request of this attempt. */
  unanswered(): void;
  /** Data came and nothing went back for a while: tell the peer that we are here. */
  keepAlive(): void;
  /** Data went out and nothing came back: the session may be dead. */
  silent(): void;
  /** The sessions are long past use. */
  zeroKeys(): void;
}

export class TunnelTimers {
  private readonly retry: LazyTimer;
  private readonly unanswered: LazyTimer;
  private readonly passiveKeepAlive: LazyTimer;
  private readonly persistentKeepAlive: LazyTimer;
  private readonly silence: LazyTimer;
  private readonly zero: LazyTimer;
  /** Instead of `persistentMs`, of a tunnel in use: a NAT in between forgets soon. */
  activeMs: number | undefined;
  private lastDataMs = -Infinity;
  private needAnotherKeepAlive = false;

  constructor(
    private readonly clock: Clock,
    timers: Timers,
    events: TunnelTimerEvents,
    public persistentMs: number | undefined,
  ) {
    const timer = (fire: () => void): LazyTimer => new LazyTimer(clock, timers, fire);
    this.retry = timer(() => events.retry());
    this.unanswered = timer(() => events.unanswered());
    this.persistentKeepAlive = timer(() => {
      if (this.persistentMs) events.keepAlive();
      if (!this.persistentKeepAlive.isSet) this.traversal(); // when nothing could be sent
    });
    this.silence = timer(() => events.silent());
    this.zero = timer(() => events.zeroKeys());
    this.passiveKeepAlive = timer(() => {
      events.keepAlive();
      if (!this.needAnotherKeepAlive) return;
      this.needAnotherKeepAlive = false;
      this.passiveKeepAlive.set(KEEPALIVE_TIMEOUT_MS);
    });
  }

  /** Whether what is received does not put off the next keep alive: what holds a NAT's mapping is what is sent. */
  get isHeldOpen(): boolean {
    return this.activeMs !== undefined && this.clock.now() - this.lastDataMs < IN_USE_MS;
  }

  dataSent(nowMs: number): void {
    this.lastDataMs = nowMs;
    if (!this.silence.isSet) this.silence.set(KEEPALIVE_TIMEOUT_MS + REKEY_TIMEOUT_MS, nowMs);
  }

  dataReceived(nowMs: number): void {
    this.lastDataMs = nowMs;
    if (this.passiveKeepAlive.isSet) this.needAnotherKeepAlive = true;
    else this.passiveKeepAlive.set(Math.min(KEEPALIVE_TIMEOUT_MS, this.activeMs ?? Infinity), nowMs);
  }

  packetSent(nowMs: number): void {
    this.passiveKeepAlive.clear();
    this.traversal(nowMs);
  }

  packetReceived(nowMs: number): void {
    this.silence.clear();
    if (this.activeMs === undefined || !this.isHeldOpen) this.traversal(nowMs);
  }

  initiationSent(retryMs: number, first: boolean): void {
    this.retry.set(retryMs);
    if (first) this.unanswered.set(UNANSWERED_MS);
  }

  sessionDerived(): void {
    this.zero.set(REJECT_AFTER_TIME_MS * 3);
  }

  attemptEnded(): void {
    this.retry.clear();
    this.unanswered.clear();
  }

  close(): void {
    const all = [this.retry, this.unanswered, this.passiveKeepAlive, this.persistentKeepAlive, this.silence, this.zero];
    for (const timer of all) timer.close();
  }

  private traversal(nowMs = this.clock.now()): void {
    const { persistentMs } = this;
    if (!persistentMs) return;
    const activeMs = this.activeMs !== undefined && this.isHeldOpen ? this.activeMs : persistentMs;
    this.persistentKeepAlive.set(Math.min(activeMs, persistentMs), nowMs);
  }
}
