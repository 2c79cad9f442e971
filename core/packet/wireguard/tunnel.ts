/**
 * A tunnel to one correspondent node, by the WireGuard protocol: when handshakes are made. Read handshake.ts and traffic.ts first.
 *
 *   idle -- requestTunnel or a packet to send --> requesting -- response --> established
 *   idle -- initiation received, answered, used by the peer ---------------> established
 *   established -- 120 s --> requesting anew, while the old session goes on
 *   any -- 90 s of Tunnel Requests without an answer, or keys too old --> idle
 *
 * The paper's names on the wire: initiation = Tunnel Request, response = Tunnel Response (Figure 5 steps 17 and 18).
 */
import type { VirtualAddresses } from '../../wire/addresses';
import { samePath, type Path } from '../path';
import {
  CONSTRUCTION_RETRIES_MS,
  REKEY_ATTEMPT_TIME_MS,
  REKEY_JITTER_MS,
  REKEY_TIMEOUT_MS,
  STAGED_LIMIT,
} from './constants';
import { Handshake } from './handshake';
import type { OpenedInitiation, TransportKeys } from './noise';
import { Session } from './session';
import { Traffic } from './traffic';
import type { TunnelContext, TunnelOptions } from './tunnel-contract';
import { TunnelTimers } from './tunnel-timers';

export class Tunnel {
  readonly fqdn: string;
  readonly publicKey: Uint8Array;
  readonly virtualAddresses: VirtualAddresses;
  /** Packets of the virtual stack; kept by the packet module. */
  hasSent = false;
  hasReceived = false;
  private readonly handshake: Handshake;
  private readonly traffic: Traffic;
  private readonly timers: TunnelTimers;
  private staged: Uint8Array[] = [];
  private attempt: { startedMs: number; tries: number } | undefined;
  private pendingIndex: number | undefined;
  private lastInitiationMs = -Infinity;
  private lastResponseMs = -Infinity;
  private closed = false;
  private alternatives: readonly Path[];

  constructor(
    options: TunnelOptions,
    private readonly context: TunnelContext,
  ) {
    this.fqdn = options.fqdn;
    this.publicKey = options.publicKey;
    this.virtualAddresses = options.virtualAddresses;
    this.alternatives = options.alternatives ?? [];
    this.handshake = new Handshake(context, options.publicKey, options.presharedKey);
    this.timers = new TunnelTimers(
      context.clock,
      context.timers,
      {
        retry: () => this.retry(),
        unanswered: () => context.event('unanswered', this),
        keepAlive: () => this.sendKeepAlive(),
        silent: () => this.begin(),
        zeroKeys: () => this.expire(),
      },
      options.persistentKeepaliveMs,
    );
    this.timers.activeMs = options.activeKeepaliveMs;
    const events = { aged: () => this.begin(), confirmed: (from: Path) => this.established(from) };
    this.establishedBy = options.path;
    this.traffic = new Traffic(this, context, this.timers, events, options.path);
  }

  /** Where the last handshake's last message came from: perhaps not where packets are sent, if that is a relay. */
  establishedBy: Path;

  /** Where packets are sent: where the peer's newest authentic one came from. */
  get path(): Path {
    return this.traffic.path;
  }

  get counters(): Traffic['counters'] {
    return this.traffic.counters;
  }

  /** By path. */
  get pathCounters(): Traffic['pathCounters'] {
    return this.traffic.pathCounters;
  }

  /** When something authentic was last received, on the clock. */
  get lastReceivedMs(): number {
    return this.traffic.lastReceivedMs;
  }

  get state(): 'idle' | 'requesting' | 'established' {
    if (this.traffic.hasFreshSession) return 'established';
    return this.attempt ? 'requesting' : 'idle';
  }

  /** A new introduction by the DC: the key counts for the next handshake, the path at once. */
  introduce({ presharedKey, path, alternatives = [], ...keepalives }: TunnelOptions): void {
    this.handshake.setPresharedKey(presharedKey);
    this.traffic.path = path;
    this.alternatives = alternatives;
    this.timers.persistentMs = keepalives.persistentKeepaliveMs;
    this.timers.activeMs = keepalives.activeKeepaliveMs;
  }

  /** See TunnelOptions. */
  set activeKeepaliveMs(ms: number | undefined) {
    this.timers.activeMs = ms;
    if (this.state === 'established' && this.timers.isHeldOpen) this.sendKeepAlive();
  }

  /** Sends a Tunnel Request now, also when there is a session. */
  requestTunnel(): void {
    if (this.closed) return;
    this.attempt = { startedMs: this.context.clock.now(), tries: 0 };
    this.initiate();
  }

  /** An IP packet for the peer; it is copied. False when it has to wait for a session. */
  send(packet: Uint8Array): boolean {
    if (this.traffic.send(packet)) return true;
    if (this.closed) return false;
    this.stage(packet);
    if (this.attempt) this.attempt.startedMs = this.context.clock.now(); // somebody wants it still (section 6.4)
    this.begin();
    return false;
  }

  /** NTMobile control, if there is a session. The first nibble is 0. */
  sendControl(packet: Uint8Array, path = this.path): void {
    if (!this.closed) this.traffic.sendControl(packet, path);
  }

  /** From now on packets are sent this way. */
  use(path: Path): void {
    if (this.closed || samePath(path, this.path)) return;
    this.traffic.path = path;
    this.context.event('roamed', this);
  }

  /** The largest inner packet that the path is known to carry, bytes. */
  get mtu(): number {
    return this.traffic.mtu;
  }

  set mtu(mtu: number) {
    this.traffic.mtu = mtu;
  }

  /** An authentic initiation of this peer. */
  receiveInitiation(initiation: OpenedInitiation, remoteIndex: number, from: Path): void {
    const { context } = this;
    const localIndex = context.claimIndex(this);
    const answer = this.handshake.answer(initiation, remoteIndex, localIndex);
    if (typeof answer === 'string') {
      context.releaseIndex(localIndex);
      return context.drop(answer, from);
    }
    const roamed = this.traffic.follow(from);
    this.install(answer.keys, false, localIndex, remoteIndex);
    this.lastResponseMs = context.clock.now();
    this.timers.packetReceived(this.lastResponseMs);
    this.timers.packetSent(this.lastResponseMs);
    context.event('request-received', this);
    if (roamed) context.event('roamed', this);
    context.event('response-sent', this);
    if (this.closed) return; // by the owner, in one of these events
    context.transmit(answer.message, from);
  }

  receiveResponse(response: Uint8Array, localIndex: number, from: Path): void {
    const { context } = this;
    const completed = localIndex === this.pendingIndex ? this.handshake.complete(response) : undefined;
    if (!completed) return context.drop('not authentic', from);
    this.pendingIndex = undefined;
    const roamed = this.traffic.follow(from);
    this.install(completed.keys, true, localIndex, completed.remoteIndex);
    this.timers.packetReceived(context.clock.now());
    context.event('response-received', this);
    if (roamed) context.event('roamed', this);
    this.established(from);
  }

  receiveCookie(reply: Uint8Array, from: Path): void {
    if (!this.handshake.acceptCookie(reply)) this.context.drop('cookie', from);
  }

  /** A transport datagram for `session`. */
  receiveTransport(datagram: Uint8Array, session: Session, from: Path): void {
    this.traffic.receive(datagram, session, from);
  }

  /** Forgets the keys and every timer. */
  close(): void {
    this.closed = true;
    this.timers.close();
    this.endAttempt();
    this.handshake.close();
    this.traffic.close();
    this.staged = [];
  }

  private begin(): void {
    const now = this.context.clock.now();
    if (this.attempt || this.closed) return;
    if (now - this.lastInitiationMs < REKEY_TIMEOUT_MS) return;
    if (this.traffic.isUnconfirmed && now - this.lastResponseMs < REKEY_TIMEOUT_MS) return;
    this.requestTunnel();
  }

  private initiate(): void {
    const { context, attempt } = this;
    if (!attempt) return;
    if (this.pendingIndex !== undefined) context.releaseIndex(this.pendingIndex);
    this.pendingIndex = context.claimIndex(this);
    this.lastInitiationMs = context.clock.now();
    const message = this.handshake.initiate(this.pendingIndex);
    if (!message) return this.giveUp();
    this.timers.initiationSent(this.retryDelayMs(attempt.tries), attempt.tries === 0);
    attempt.tries += 1;
    this.timers.packetSent(this.lastInitiationMs);
    context.event('request-sent', this);
    if (this.closed) return;
    context.transmit(message, this.path);
    if (this.state === 'established') return;
    // The same message again: whichever arrives first is answered, the others are replays.
    for (const path of this.alternatives) context.transmit(message, path);
  }

  private retryDelayMs(tries: number): number {
    const soon = this.state === 'established' ? undefined : CONSTRUCTION_RETRIES_MS[tries];
    return soon ?? REKEY_TIMEOUT_MS + (this.context.random.bytes(1)[0]! / 256) * REKEY_JITTER_MS;
  }

  private retry(): void {
    if (!this.attempt) return;
    if (this.context.clock.now() - this.attempt.startedMs >= REKEY_ATTEMPT_TIME_MS) this.giveUp();
    else this.initiate();
  }

  private giveUp(): void {
    this.endAttempt();
    this.staged = [];
    this.context.event('expired', this);
  }

  private install(keys: TransportKeys, isInitiator: boolean, localIndex: number, remoteIndex: number): void {
    const { context } = this;
    this.traffic.install(new Session(keys, isInitiator, localIndex, remoteIndex, context.clock.now(), context.cipher));
  }

  /** The current session is new. The initiator's first packet, empty if need be, confirms the keys to the responder. */
  private established(from: Path): void {
    const { session } = this.traffic;
    if (!session) return; // closed meanwhile
    this.establishedBy = from;
    this.endAttempt();
    const staged = this.staged;
    this.staged = [];
    for (const packet of staged) this.send(packet);
    if (session.isInitiator && staged.length === 0) this.sendKeepAlive();
    this.context.event('established', this);
  }

  private endAttempt(): void {
    this.attempt = undefined;
    this.timers.attemptEnded();
    this.handshake.clear();
    if (this.pendingIndex !== undefined) this.context.releaseIndex(this.pendingIndex);
    this.pendingIndex = undefined;
  }

  private sendKeepAlive(): void {
    if (!this.traffic.sendKeepAlive()) this.begin();
  }

  private stage(packet: Uint8Array): void {
    this.staged.push(new Uint8Array(packet));
    if (this.staged.length <= STAGED_LIMIT) return;
    this.staged.shift();
    this.context.drop('staged too many', this.path);
  }

  /** Forgets old keys. An attempt that goes on, and what waits for it, has nothing to do with them. */
  private expire(): void {
    this.traffic.clear();
    if (this.attempt) return;
    this.staged = [];
    this.context.event('expired', this);
  }
}
