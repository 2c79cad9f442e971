/** What goes into a tunnel and what comes out of it: its options, its events, what it needs of the module that holds it. */
import type { Clock, Random, Timers } from '../../runtime';
import type { VirtualAddresses } from '../../wire/addresses';
import type { Path } from '../path';
import type { CipherFactory } from './cipher';
import type { HandshakeContext } from './handshake';
import type { ScratchBuffers } from './scratch-buffers';
import type { Session } from './session';
import type { Tunnel } from './tunnel';

export interface TunnelOptions {
  /** For traces. */
  readonly fqdn: string;
  readonly publicKey: Uint8Array;
  /** The tunnel's shared key from the DC, 32 bytes. */
  readonly presharedKey: Uint8Array;
  readonly virtualAddresses: VirtualAddresses;
  readonly path: Path;
  /** Other direct paths that Tunnel Requests try, until there is a session. */
  readonly alternatives?: readonly Path[];
  readonly persistentKeepaliveMs?: number;
  /** The same of a tunnel that is in use, where a NAT in between forgets sooner. */
  readonly activeKeepaliveMs?: number | undefined;
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
  | 'first-sent' // a packet of the stack, for the first time
  | 'first-received'
  | 'roamed'; // another path: where the peer's newest authentic packet came from, or a better one

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
  receivePacket(packet: Uint8Array, tunnel: Tunnel, from: Path): void;
  /** A packet of the stack's is sent. The result: another path that it takes as well. */
  packetSent(tunnel: Tunnel, nowMs: number): Path | undefined;
  /** Whether packets go where the peer's newest came from; not where this node chooses among paths that it knows. */
  follows(tunnel: Tunnel, from: Path): boolean;
  event(kind: TunnelEventKind, tunnel: Tunnel): void;
  drop(reason: DropReason, from: Path): void;
}
