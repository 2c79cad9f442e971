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
  LEAST_MTU,
  PADDING,
  REJECT_AFTER_MESSAGES,
  REJECT_AFTER_TIME_MS,
  REKEY_AFTER_MESSAGES,
  REKEY_AFTER_TIME_MS,
  REKEY_TIMEOUT_MS,
  TAG_LENGTH,
} from './constants';
import { MessageType, readCounter, Transport, writeCounter, writeIndex } from './messages';
import { countReceived, countSent, noTraffic, PathCounters } from './path-counters';
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
  confirmed(from: Path): void;
}

export class Traffic {
  readonly counters = noTraffic();
  readonly pathCounters = new PathCounters();
  /** When something authentic was last received, on the clock. */
  lastReceivedMs = -Infinity;
  /** Of the path, the largest inner packet; padding does not exceed it. */
  mtu: number = LEAST_MTU;
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
    const nowMs = this.context.clock.now();
    if (!session?.isFresh(nowMs)) return false;
    this.timers.dataSent(nowMs);
    this.seal(session, packet, nowMs, this.mtu, this.path, this.context.packetSent(this.tunnel, nowMs));
    return true;
  }

  /** As `send`, of a packet that is not IP: nothing need come back. A probe of the MTU is as long as it says. */
  sendControl(packet: Uint8Array, path: Path): void {
    const session = this.ring.current;
    const nowMs = this.context.clock.now();
    if (session?.isFresh(nowMs)) this.seal(session, packet, nowMs, LEAST_MTU, path);
  }

  /** As `send`, of nothing. */
  sendKeepAlive(): boolean {
    const session = this.ring.current;
    const nowMs = this.context.clock.now();
    if (!session?.isFresh(nowMs)) return false;
    this.context.event('keepalive-sent', this.tunnel);
    if (!this.closed) this.seal(session, new Uint8Array(0), nowMs, LEAST_MTU);
    return true;
  }

  /** A transport datagram for `session`. */
  receive(datagram: Uint8Array, session: Session, from: Path): void {
    const { context } = this;
    const counter = readCounter(datagram);
    const nowMs = context.clock.now();
    if (counter > REJECT_AFTER_MESSAGES || nowMs - session.createdMs >= REJECT_AFTER_TIME_MS) {
      return context.drop('expired session', from);
    }
    const packet = context.scratch.opened(datagram.length - Transport.packet - TAG_LENGTH);
    if (!session.receive.open(counter, bodyOf(datagram), packet)) {
      return context.drop('not authentic', from);
    }
    const isNewest = counter > session.window.highest;
    if (!session.window.accept(counter)) return context.drop('replayed', from);
    // A packet that was overtaken says where the peer was, not where it is; control is sent on any path to try it.
    if (isNewest && !isControl(packet) && this.follow(from)) context.event('roamed', this.tunnel);
    if (this.ring.confirm(session)) this.events.confirmed(from);
    if (this.closed) return;
    this.lastReceivedMs = nowMs;
    countReceived(this.counters, packet.length);
    this.pathCounters.received(from, packet.length, nowMs);
    this.timers.packetReceived(nowMs);
    this.refreshOnReceive(session, nowMs);
    if (packet.length === 0) return context.event('keepalive-received', this.tunnel);
    this.timers.dataReceived(nowMs);
    context.receivePacket(packet, this.tunnel, from);
  }

  /**
   * True when the peer's newest authentic packet came over another path, and this side sends there from now on. Not to
   * a relay: the DC tells both sides which, and two that followed each other's packets would change places for ever.
   */
  follow(from: Path): boolean {
    if (from.kind === 'relay' || samePath(from, this.path) || !this.context.follows(this.tunnel, from)) return false;
    this.path = from;
    return true;
  }

  /**
   * Padding (to 16, or to the MTU) hides little, but it is the protocol's (white paper section 5.4.6). `also`: the same
   * datagram goes this way, too; of two that arrive the second is a replay.
   */
  private seal(session: Session, packet: Uint8Array, nowMs: number, mtu: number, path = this.path, also?: Path): void {
    const { scratch } = this.context;
    const most = Math.max(packet.length, mtu);
    const paddedLength = Math.min(Math.ceil(packet.length / PADDING) * PADDING, most);
    const plaintext = paddedLength === packet.length ? packet : scratch.padded(packet, paddedLength);
    const length = Transport.packet + paddedLength + TAG_LENGTH;
    const datagram = scratch.sealed(length);
    const counter = session.sendCounter++;
    writeIndex(datagram, 0, MessageType.transport);
    writeIndex(datagram, Transport.receiver, session.remoteIndex);
    writeCounter(datagram, Transport.counter, counter);
    session.send.seal(counter, plaintext, scratch.sealedBody(length));
    countSent(this.counters, packet.length);
    this.pathCounters.sent(path, packet.length);
    this.context.transmit(datagram, path);
    if (also) {
      this.pathCounters.sent(also, packet.length);
      this.context.transmit(datagram, also);
    }
    this.timers.packetSent(nowMs);
    this.refreshOnSend(session, nowMs);
  }

  private refreshOnSend(session: Session, nowMs: number): void {
    const ageMs = nowMs - session.createdMs;
    const old = session.isInitiator && ageMs >= REKEY_AFTER_TIME_MS;
    if (old || session.sendCounter >= REKEY_AFTER_MESSAGES) this.events.aged();
  }

  private refreshOnReceive(session: Session, nowMs: number): void {
    const ageMs = nowMs - session.createdMs;
    if (session.isInitiator && session === this.ring.current && ageMs >= REFRESH_ON_RECEIVE_MS) this.events.aged();
  }
}

/** NTMobile control: not IP, its first nibble is 0. */
function isControl(packet: Uint8Array): boolean {
  return packet.length > 0 && packet[0]! >> 4 === 0;
}

/** Not by subarray(), which of a Buffer costs twice as much. */
function bodyOf(datagram: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = datagram;
  return new Uint8Array(buffer, byteOffset + Transport.packet, length - Transport.packet);
}
