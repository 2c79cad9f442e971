/**
 * The traffic of one tunnel (white paper section 5.4.6): packets are sealed under the current session, datagrams are
 * opened under the session that they name. Sessions come from the handshakes, which are the tunnel's.
 *
 *   out   send -> seal -> transmit
 *   in    receive -> open -> replay window -> follow the sender's path -> receivePacket
 */
import { samePath, type Path } from '../path';
import {
  KEEPALIVE_TIMEOUT_MS,
  PADDING,
  REJECT_AFTER_MESSAGES,
  REJECT_AFTER_TIME_MS,
  REKEY_AFTER_MESSAGES,
  REKEY_AFTER_TIME_MS,
  REKEY_TIMEOUT_MS,
  TAG_LENGTH,
} from './constants';
import { MessageType, readCounter, Transport, writeCounter, writeIndex } from './messages';
import type { Session } from './session';
import { SessionRing } from './session-ring';
import type { Tunnel } from './tunnel';
import type { TunnelContext } from './tunnel-contract';
import type { TunnelTimers } from './tunnel-timers';

/** An initiator that only receives renews the session before the peer may no longer use it (section 6.2). */
const REFRESH_ON_RECEIVE_MS = REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS - REKEY_TIMEOUT_MS;

export interface TrafficEvents {
  /** The current session is near its end: a new one is wanted. */
  aged(): void;
  /** The peer has used the session that this side answered with, which is now the current one. */
  confirmed(): void;
}

export class Traffic {
  readonly counters = { sentPackets: 0, sentBytes: 0, receivedPackets: 0, receivedBytes: 0 };
  /** When something authentic was last received, on the clock. */
  lastReceivedMs = -Infinity;
  private readonly ring: SessionRing;
  private closed = false;

  constructor(
    private readonly tunnel: Tunnel,
    private readonly context: TunnelContext,
    private readonly timers: TunnelTimers,
    private readonly events: TrafficEvents,
    public path: Path,
  ) {
    this.ring = new SessionRing((session) => context.releaseIndex(session.localIndex));
  }

  /** The one that packets are sent under, fresh or not. */
  get session(): Session | undefined {
    return this.ring.current;
  }

  get hasFreshSession(): boolean {
    return this.ring.current?.isFresh(this.context.clock.now()) ?? false;
  }

  /** This side answered a handshake, and the peer has not used the session yet. */
  get isUnconfirmed(): boolean {
    return this.ring.isUnconfirmed;
  }

  install(session: Session): void {
    this.context.bindIndex(session.localIndex, this.tunnel, session);
    this.ring.install(session);
    this.timers.sessionDerived();
  }

  /** Forgets the sessions. */
  clear(): void {
    this.ring.clear();
  }

  close(): void {
    this.closed = true;
    this.clear();
  }

  /** An IP packet for the peer; it is copied. False, and nothing is done, when there is no session to send it under. */
  send(packet: Uint8Array): boolean {
    const session = this.ring.current;
    if (!session?.isFresh(this.context.clock.now())) return false;
    this.seal(session, packet);
    this.timers.dataSent();
    return true;
  }

  /** As `send`, of nothing. */
  sendKeepAlive(): boolean {
    const session = this.ring.current;
    if (!session?.isFresh(this.context.clock.now())) return false;
    this.context.event('keepalive-sent', this.tunnel);
    if (!this.closed) this.seal(session, new Uint8Array(0));
    return true;
  }

  /** A transport datagram for `session`. */
  receive(datagram: Uint8Array, session: Session, from: Path): void {
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
    if (isNewest && this.follow(from)) context.event('roamed', this.tunnel);
    if (this.ring.confirm(session)) this.events.confirmed();
    if (this.closed) return;
    this.lastReceivedMs = context.clock.now();
    this.counters.receivedPackets += 1;
    this.counters.receivedBytes += packet.length;
    this.timers.packetReceived();
    this.refreshOnReceive(session);
    if (packet.length === 0) return context.event('keepalive-received', this.tunnel);
    this.timers.dataReceived();
    context.receivePacket(packet, this.tunnel);
  }

  /** True when the peer's newest authentic packet came over another path. */
  follow(from: Path): boolean {
    if (samePath(from, this.path)) return false;
    this.path = from;
    return true;
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
    if (old || session.sendCounter >= REKEY_AFTER_MESSAGES) this.events.aged();
  }

  private refreshOnReceive(session: Session): void {
    const ageMs = this.context.clock.now() - session.createdMs;
    if (session.isInitiator && session === this.ring.current && ageMs >= REFRESH_ON_RECEIVE_MS) this.events.aged();
  }
}
