/**
 * A tunnel to one correspondent node, by the WireGuard protocol. Read session-ring.ts and handshake.ts first.
 *
 *   idle -- requestTunnel or a packet to send --> requesting -- response --> established
 *   idle -- initiation received, answered, used by the peer ---------------> established
 *   established -- 120 s --> requesting anew, while the old session goes on
 *   any -- 90 s of Tunnel Requests without an answer, or keys too old --> idle
 *
 * The paper's names on the wire: initiation = Tunnel Request, response = Tunnel Response (Figure 5 steps 17 and 18).
 */
import type { Clock, Random, Timers } from '../../runtime';
import type { VirtualAddresses } from '../../wire/addresses';
import { samePath, type Path } from '../path';
import type { CipherFactory } from './cipher';
import {
  CONSTRUCTION_RETRIES_MS,
  KEEPALIVE_TIMEOUT_MS,
  PADDING,
  REJECT_AFTER_MESSAGES,
  REJECT_AFTER_TIME_MS,
  REKEY_AFTER_MESSAGES,
  REKEY_AFTER_TIME_MS,
  REKEY_ATTEMPT_TIME_MS,
  REKEY_JITTER_MS,
  REKEY_TIMEOUT_MS,
  STAGED_LIMIT,
  TAG_LENGTH,
} from './constants';
import { Handshake, type HandshakeContext } from './handshake';
import { MessageType, readCounter, Transport, writeCounter, writeIndex } from './messages';
import type { OpenedInitiation, TransportKeys } from './noise';
import type { ScratchBuffers } from './scratch-buffers';
import { Session } from './session';
import { SessionRing } from './session-ring';
import { TunnelTimers } from './tunnel-timers';

export interface TunnelOptions {
  /** For traces. */
  readonly fqdn: string;
  readonly publicKey: Uint8Array;
  /** The tunnel's shared key from the DC, 32 bytes. */
  readonly presharedKey: Uint8Array;
  readonly virtualAddresses: VirtualAddresses;
  readonly path: Path;
  readonly persistentKeepaliveMs?: number;
}

export type TunnelEventKind =
  | 'request-sent'
  | 'request-received'
  | 'response-sent'
  | 'response-received'
  | 'keepalive-sent'
  | 'keepalive-received'
  | 'established' // usable in both directions, from a session of its own
  | 'unanswered' // no answer to Tunnel Requests for UNANSWERED_MS; they go on
  | 'expired' // given up, or the keys are too old: nothing is left but the name
  | 'roamed'; // the peer's newest authentic packet came over another path

export type DropReason =
  | 'malformed'
  | 'mac'
  | 'not authentic'
  | 'unknown session'
  | 'unknown peer'
  | 'replayed'
  | 'too often'
  | 'bad key'
  | 'expired session'
  | 'cookie' // asked for while under load, or one we did not ask for
  | 'rate' // too many handshakes of one address while under load
  | 'inner packet'
  | 'foreign source'
  | 'staged too many';

/** What a tunnel needs of the module that holds it. */
export interface TunnelContext extends HandshakeContext {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly cipher: CipherFactory;
  readonly scratch: ScratchBuffers;
  /** A free index that leads datagrams to this tunnel, and to this session if given. */
  claimIndex(tunnel: Tunnel): number;
  bindIndex(index: number, tunnel: Tunnel, session: Session): void;
  releaseIndex(index: number): void;
  transmit(datagram: Uint8Array, path: Path): void;
  /** An inner packet, authentic and of this tunnel; valid during the call. */
  receivePacket(packet: Uint8Array, tunnel: Tunnel): void;
  event(kind: TunnelEventKind, tunnel: Tunnel): void;
  drop(reason: DropReason, from: Path): void;
}

export class Tunnel {
  readonly fqdn: string;
  readonly publicKey: Uint8Array;
  readonly virtualAddresses: VirtualAddresses;
  readonly counters = { sentPackets: 0, sentBytes: 0, receivedPackets: 0, receivedBytes: 0 };
  path: Path;
  /** When something authentic was last received, on the clock. */
  lastReceivedMs = -Infinity;
  private readonly handshake: Handshake;
  private readonly ring: SessionRing;
  private readonly timers: TunnelTimers;
  private staged: Uint8Array[] = [];
  private attempt: { startedMs: number; tries: number } | undefined;
  private pendingIndex: number | undefined;
  private lastInitiationMs = -Infinity;
  private lastResponseMs = -Infinity;
  private closed = false;

  constructor(
    options: TunnelOptions,
    private readonly context: TunnelContext,
  ) {
    this.fqdn = options.fqdn;
    this.publicKey = options.publicKey;
    this.virtualAddresses = options.virtualAddresses;
    this.path = options.path;
    this.handshake = new Handshake(context, options.publicKey, options.presharedKey);
    this.ring = new SessionRing((session) => context.releaseIndex(session.localIndex));
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
  }

  get state(): 'idle' | 'requesting' | 'established' {
    if (this.ring.current?.isFresh(this.context.clock.now())) return 'established';
    return this.attempt ? 'requesting' : 'idle';
  }

  /** A new introduction by the DC: the key counts for the next handshake, the path at once. */
  introduce({ presharedKey, path, persistentKeepaliveMs }: TunnelOptions): void {
    this.handshake.setPresharedKey(presharedKey);
    this.path = path;
    this.timers.persistentMs = persistentKeepaliveMs;
  }

  /** Sends a Tunnel Request now, also when there is a session. */
  requestTunnel(): void {
    if (this.closed) return;
    this.attempt = { startedMs: this.context.clock.now(), tries: 0 };
    this.initiate();
  }

  /** An IP packet for the peer; it is copied. False when it has to wait for a session. */
  send(packet: Uint8Array): boolean {
    const session = this.ring.current;
    if (!session?.isFresh(this.context.clock.now())) {
      if (this.closed) return false;
      this.stage(packet);
      if (this.attempt) this.attempt.startedMs = this.context.clock.now(); // somebody wants it still (section 6.4)
      this.begin();
      return false;
    }
    this.seal(session, packet);
    this.timers.dataSent();
    return true;
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
    const roamed = this.follow(from);
    this.install(answer.keys, false, localIndex, remoteIndex);
    this.lastResponseMs = context.clock.now();
    this.timers.packetReceived();
    this.timers.packetSent();
    context.event('request-received', this);
    if (roamed) context.event('roamed', this);
    context.event('response-sent', this);
    if (this.closed) return; // by the owner, in one of these events
    context.transmit(answer.message, this.path);
  }

  receiveResponse(response: Uint8Array, localIndex: number, from: Path): void {
    const { context } = this;
    const completed = localIndex === this.pendingIndex ? this.handshake.complete(response) : undefined;
    if (!completed) return context.drop('not authentic', from);
    this.pendingIndex = undefined;
    const roamed = this.follow(from);
    this.install(completed.keys, true, localIndex, completed.remoteIndex);
    this.timers.packetReceived();
    context.event('response-received', this);
    if (roamed) context.event('roamed', this);
    this.established();
  }

  receiveCookie(reply: Uint8Array, from: Path): void {
    if (!this.handshake.acceptCookie(reply)) this.context.drop('cookie', from);
  }

  /** A transport datagram for `session`. */
  receiveTransport(datagram: Uint8Array, session: Session, from: Path): void {
    const { context } = this;
    const counter = readCounter(datagram);
    if (counter > REJECT_AFTER_MESSAGES || context.clock.now() - session.createdMs >= REJECT_AFTER_TIME_MS) {
      return context.drop('expired session', from);
    }
    const packet = context.scratch.opened(datagram.length - Transport.packet - TAG_LENGTH);
    if (!session.receive.open(counter, datagram.subarray(Transport.packet), packet)) {
      return context.drop('not authentic', from);
    }
    const isNewest = counter > session.window.highest;
    if (!session.window.accept(counter)) return context.drop('replayed', from);
    // A packet that was overtaken says where the peer was, not where it is.
    if (isNewest && this.follow(from)) context.event('roamed', this);
    if (this.ring.confirm(session)) this.established();
    if (this.closed) return;
    this.lastReceivedMs = context.clock.now();
    this.counters.receivedPackets += 1;
    this.counters.receivedBytes += packet.length;
    this.timers.packetReceived();
    this.refreshOnReceive(session);
    if (packet.length === 0) return context.event('keepalive-received', this);
    this.timers.dataReceived();
    context.receivePacket(packet, this);
  }

  /** Forgets the keys and every timer. */
  close(): void {
    this.closed = true;
    this.timers.close();
    this.endAttempt();
    this.handshake.close();
    this.ring.clear();
    this.staged = [];
  }

  private begin(): void {
    const now = this.context.clock.now();
    if (this.attempt || this.closed) return;
    if (now - this.lastInitiationMs < REKEY_TIMEOUT_MS) return;
    if (this.ring.isUnconfirmed && now - this.lastResponseMs < REKEY_TIMEOUT_MS) return;
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
    this.timers.packetSent();
    context.event('request-sent', this);
    if (this.closed) return;
    context.transmit(message, this.path);
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
    const session = new Session(keys, isInitiator, localIndex, remoteIndex, context.clock.now(), context.cipher);
    context.bindIndex(localIndex, this, session);
    this.ring.install(session);
    this.timers.sessionDerived();
  }

  /** The current session is new. The initiator's first packet, empty if need be, confirms the keys to the responder. */
  private established(): void {
    const session = this.ring.current;
    if (!session) return; // closed meanwhile
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
    const session = this.ring.current;
    if (!session?.isFresh(this.context.clock.now())) return this.begin();
    this.context.event('keepalive-sent', this);
    if (!this.closed) this.seal(session, new Uint8Array(0));
  }

  /** Padding (to 16) hides little, but it is the protocol's (white paper section 5.4.6). */
  private seal(session: Session, packet: Uint8Array): void {
    const { scratch } = this.context;
    const paddedLength = Math.ceil(packet.length / PADDING) * PADDING;
    const plaintext = paddedLength === packet.length ? packet : scratch.padded(packet, paddedLength);
    const datagram = scratch.sealed(Transport.packet + paddedLength + TAG_LENGTH);
    const counter = session.sendCounter++;
    writeIndex(datagram, 0, MessageType.transport);
    writeIndex(datagram, Transport.receiver, session.remoteIndex);
    writeCounter(datagram, Transport.counter, counter);
    session.send.seal(counter, plaintext, datagram.subarray(Transport.packet));
    this.counters.sentPackets += 1;
    this.counters.sentBytes += packet.length;
    this.context.transmit(datagram, this.path);
    this.timers.packetSent();
    this.refreshOnSend(session);
  }

  private refreshOnSend(session: Session): void {
    const ageMs = this.context.clock.now() - session.createdMs;
    const old = session.isInitiator && ageMs >= REKEY_AFTER_TIME_MS;
    if (old || session.sendCounter >= REKEY_AFTER_MESSAGES) this.begin();
  }

  /** An initiator that only receives must renew the session before the peer may no longer use it (section 6.2). */
  private refreshOnReceive(session: Session): void {
    const ageMs = this.context.clock.now() - session.createdMs;
    const lastMinute = REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS - REKEY_TIMEOUT_MS;
    if (session.isInitiator && session === this.ring.current && ageMs >= lastMinute) this.begin();
  }

  private stage(packet: Uint8Array): void {
    this.staged.push(new Uint8Array(packet));
    if (this.staged.length <= STAGED_LIMIT) return;
    this.staged.shift();
    this.context.drop('staged too many', this.path);
  }

  /** True when the peer's newest authentic packet came over another path. */
  private follow(from: Path): boolean {
    if (samePath(from, this.path)) return false;
    this.path = from;
    return true;
  }

  /** Forgets old keys. An attempt that goes on, and what waits for it, has nothing to do with them. */
  private expire(): void {
    this.ring.clear();
    if (this.attempt) return;
    this.staged = [];
    this.context.event('expired', this);
  }
}
