/**
 * The encapsulation half of the packet manipulation module (paper 3.3): tunnels by virtual address, datagrams by
 * session. Figure 6 in numbers: outbound packets enter at `encapsulate` (2) and leave at `transmit` (3); inbound
 * datagrams enter at `receive` (4) and leave decapsulated at `deliver` (5).
 */
import type { Clock, Random, Timers } from '../runtime';
import { HeldRequests } from './held-requests';
import { addressesOf, ipLength } from './ip-packet';
import { parseIp } from '../wire/ip-text';
import { pathSource, type Path } from './path';
import { TunnelTable } from './tunnel-table';
import { bestCipher, type CipherFactory } from './wireguard/cipher';
import { PACKET_LIMIT } from './wireguard/constants';
import { CookieChecker } from './wireguard/cookie';
import { keyPair } from '../wire/x25519';
import { isManyHandshakes, LoadMeter } from './wireguard/load';
import {
  CookieReply,
  Initiation,
  messageType,
  MessageType,
  readIndex,
  Response,
  Transport,
} from './wireguard/messages';
import type { HandshakeLayout } from './wireguard/messages';
import { openInitiation } from './wireguard/noise';
import { RateLimiter } from './wireguard/rate-limiter';
import { ScratchBuffers } from './wireguard/scratch-buffers';
import type { Session } from './wireguard/session';
import { TimestampSource } from './wireguard/tai64n';
import { Tunnel } from './wireguard/tunnel';
import type { DropReason, TunnelContext, TunnelEventKind, TunnelOptions } from './wireguard/tunnel-contract';

export interface PacketModuleOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** X25519, 32 bytes. */
  readonly privateKey: Uint8Array;
  readonly cipher?: CipherFactory;
  /** Whether senders of handshakes must prove their address first; default: more than 200 in this second. */
  isUnderLoad?(handshakesThisSecond: number): boolean;
  /** `datagram` is valid only during the call. */
  transmit(datagram: Uint8Array, path: Path): void;
  /** A decapsulated IP packet for the stack, valid only during the call. */
  deliver(packet: Uint8Array): void;
  onEvent(event: TunnelEvent): void;
  /**
   * NTMobile control from inside a tunnel: what is not IP but has 0 as its first nibble, with the zeros that pad it to
   * a multiple of 16. Valid only during the call. False when it is not known.
   */
  onControl?(control: Uint8Array, tunnel: Tunnel, from: Path): boolean;
  /** See TunnelContext.packetSent. */
  onSent?(tunnel: Tunnel, nowMs: number): Path | undefined;
  /** There is no such tunnel any more. */
  onClosed?(tunnel: Tunnel): void;
  /** See TunnelContext. Default: always. */
  follows?(tunnel: Tunnel, from: Path): boolean;
}

export type TunnelEvent =
  | { readonly kind: TunnelEventKind; readonly tunnel: Tunnel }
  /** At most one a second for each reason; `drops` counts them all. */
  | { readonly kind: 'dropped'; readonly reason: DropReason; readonly from: Path };

export type EncapsulateResult = 'sent' | 'queued' | 'no-tunnel' | 'malformed';

interface IndexEntry {
  readonly tunnel: Tunnel;
  readonly session?: Session;
}

export class PacketModule {
  readonly publicKey: Uint8Array;
  readonly drops = new Map<DropReason, number>();
  private readonly own;
  private readonly table = new TunnelTable();
  private readonly indexes = new Map<number, IndexEntry>();
  private readonly held: HeldRequests;
  private readonly cookies: CookieChecker;
  private readonly rates: RateLimiter;
  private readonly context: TunnelContext;
  private readonly scratch = new ScratchBuffers();
  private readonly lastDropEventMs = new Map<DropReason, number>();
  private closed = false;
  private readonly load: LoadMeter;

  constructor(private readonly options: PacketModuleOptions) {
    const { clock, timers, random } = options;
    this.own = keyPair(options.privateKey);
    this.publicKey = this.own.publicKey;
    this.held = new HeldRequests(clock);
    this.load = new LoadMeter(clock);
    this.cookies = new CookieChecker(this.publicKey, clock, random);
    this.rates = new RateLimiter(clock);
    this.context = {
      ...{ clock, timers, random, own: this.own, scratch: this.scratch },
      timestamps: new TimestampSource(),
      cipher: options.cipher ?? ((key) => bestCipher()(key)), // loaded with the first session, not at start-up
      claimIndex: (tunnel) => this.claimIndex(tunnel),
      bindIndex: (index, tunnel, session) => void this.indexes.set(index, { tunnel, session }),
      releaseIndex: (index) => void this.indexes.delete(index),
      transmit: (datagram, path) => options.transmit(datagram, path),
      receivePacket: (packet, tunnel, from) => this.decapsulated(packet, tunnel, from),
      packetSent: (tunnel, nowMs) => options.onSent?.(tunnel, nowMs),
      follows: (tunnel, from) => options.follows?.(tunnel, from) ?? true,
      event: (kind, tunnel) => options.onEvent({ kind, tunnel }),
      drop: (reason, from) => this.drop(reason, from),
    };
  }

  /** The tunnel to the node with this public key: a new one, or the one there is with its new key and path. */
  setTunnel(options: TunnelOptions): Tunnel {
    const tunnel = this.introduced(options) ?? this.newTunnel(options);
    const early = this.held.take(options.publicKey);
    if (early) tunnel.receiveInitiation(early.initiation, early.remoteIndex, early.from);
    return tunnel;
  }

  get tunnels(): Iterable<Tunnel> {
    return this.table;
  }

  /** The tunnel that carries packets to this virtual address. */
  tunnelTo(address: string): Tunnel | undefined {
    const bytes = parseIp(address);
    return bytes && this.table.toAddress(bytes);
  }

  /** The same of an address of 4 or 16 bytes at `offset` of `bytes`. */
  tunnelAt(bytes: Uint8Array, offset: number, length: number): Tunnel | undefined {
    return this.table.toAddress(bytes, offset, length);
  }

  removeTunnel(publicKey: Uint8Array): void {
    const tunnel = this.table.withKey(publicKey);
    if (!tunnel) return;
    this.table.remove(tunnel);
    this.closeTunnel(tunnel);
  }

  /** A packet of the stack's, into the tunnel to its destination. */
  encapsulate(packet: Uint8Array): EncapsulateResult {
    if (ipLength(packet) === 0 || packet.length > PACKET_LIMIT) return 'malformed';
    const { destination, addressLength } = addressesOf(packet);
    const tunnel = this.table.toAddress(packet, destination, addressLength);
    if (!tunnel) return 'no-tunnel';
    if (!tunnel.send(packet)) return 'queued';
    if (!tunnel.hasSent) this.first(tunnel, 'sent');
    return 'sent';
  }

  /** A datagram whose first byte is 1 to 4. Never throws. */
  receive(datagram: Uint8Array, from: Path): void {
    if (this.closed) return;
    switch (messageType(datagram)) {
      case MessageType.transport:
        return this.receiveTransport(datagram, from);
      case MessageType.initiation:
        return this.receiveInitiation(datagram, from);
      case MessageType.response:
        return this.receiveResponse(datagram, from);
      case MessageType.cookieReply: {
        const entry = this.indexes.get(readIndex(datagram, CookieReply.receiver));
        return entry ? entry.tunnel.receiveCookie(datagram, from) : this.drop('cookie', from);
      }
      default:
        return this.drop('malformed', from);
    }
  }

  /** Forgets every key and timer. */
  close(): void {
    this.closed = true;
    for (const tunnel of this.table) this.removeTunnel(tunnel.publicKey);
    this.held.clear();
    this.scratch.clear();
  }

  private introduced(options: TunnelOptions): Tunnel | undefined {
    const tunnel = this.table.withKey(options.publicKey);
    const { ipv4, ipv6 } = options.virtualAddresses;
    if (!tunnel) return undefined;
    if (
      tunnel.fqdn === options.fqdn &&
      tunnel.virtualAddresses.ipv4 === ipv4 &&
      tunnel.virtualAddresses.ipv6 === ipv6
    ) {
      tunnel.introduce(options);
      return tunnel;
    }
    this.removeTunnel(options.publicKey);
    return undefined;
  }

  private newTunnel(options: TunnelOptions): Tunnel {
    const tunnel = new Tunnel(options, this.context);
    if (this.closed) {
      tunnel.close(); // a direction that came when this node was already leaving
      return tunnel;
    }
    for (const replaced of this.table.add(tunnel)) this.closeTunnel(replaced);
    return tunnel;
  }

  private closeTunnel(tunnel: Tunnel): void {
    tunnel.close();
    this.options.onClosed?.(tunnel);
  }

  private receiveTransport(datagram: Uint8Array, from: Path): void {
    const entry = this.indexes.get(readIndex(datagram, Transport.receiver));
    if (!entry?.session) return this.drop('unknown session', from);
    entry.tunnel.receiveTransport(datagram, entry.session, from);
  }

  private receiveInitiation(datagram: Uint8Array, from: Path): void {
    if (!this.admits(datagram, Initiation, from)) return;
    const initiation = openInitiation(this.own, datagram);
    if (!initiation) return this.drop('not authentic', from);
    const remoteIndex = readIndex(datagram, Initiation.sender);
    const tunnel = this.table.withKey(initiation.peerStatic);
    if (tunnel) return tunnel.receiveInitiation(initiation, remoteIndex, from);
    this.held.hold({ initiation, remoteIndex, from });
    this.drop('unknown peer', from);
  }

  private receiveResponse(datagram: Uint8Array, from: Path): void {
    if (!this.admits(datagram, Response, from)) return;
    const index = readIndex(datagram, Response.receiver);
    const entry = this.indexes.get(index);
    if (!entry || entry.session) return this.drop('not authentic', from);
    entry.tunnel.receiveResponse(datagram, index, from);
  }

  /** Cheap checks before the costly ones (white paper section 5.3). */
  private admits(datagram: Uint8Array, layout: HandshakeLayout, from: Path): boolean {
    if (!this.cookies.mac1Is(datagram, layout)) {
      this.drop('mac', from);
      return false;
    }
    const handshakes = this.load.count();
    if (!(this.options.isUnderLoad?.(handshakes) ?? isManyHandshakes(handshakes))) return true;
    if (!this.cookies.mac2Is(datagram, layout, from)) {
      this.options.transmit(this.cookies.reply(datagram, layout, from), from);
      this.drop('cookie', from);
      return false;
    }
    if (this.rates.admits(pathSource(from))) return true;
    this.drop('rate', from);
    return false;
  }

  private decapsulated(bytes: Uint8Array, tunnel: Tunnel, from: Path): void {
    if (bytes[0]! >> 4 === 0 && this.options.onControl?.(bytes, tunnel, from)) return;
    const length = ipLength(bytes);
    if (length === 0) return this.drop('inner packet', tunnel.path);
    // Cryptokey routing (white paper section 2): a tunnel's packets come from its own node's addresses.
    const { source, addressLength } = addressesOf(bytes);
    if (this.table.toAddress(bytes, source, addressLength) !== tunnel) return this.drop('foreign source', tunnel.path);
    if (!tunnel.hasReceived) this.first(tunnel, 'received');
    this.options.deliver(length === bytes.length ? bytes : bytes.subarray(0, length));
  }

  /** Figure 6 is told of the first packet each way. */
  private first(tunnel: Tunnel, way: 'sent' | 'received'): void {
    if (way === 'sent') tunnel.hasSent = true;
    else tunnel.hasReceived = true;
    this.options.onEvent({ kind: `first-${way}`, tunnel });
  }

  private claimIndex(tunnel: Tunnel): number {
    for (;;) {
      const index = readIndex(this.options.random.bytes(4), 0);
      if (this.indexes.has(index)) continue;
      this.indexes.set(index, { tunnel });
      return index;
    }
  }

  private drop(reason: DropReason, from: Path): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    const now = this.options.clock.now();
    if (now - (this.lastDropEventMs.get(reason) ?? -Infinity) < 1_000) return;
    this.lastDropEventMs.set(reason, now);
    this.options.onEvent({ kind: 'dropped', reason, from });
  }
}

export { PathMtus } from './path-mtu';
export { Paths } from './paths/paths';
