/**
 * What the virtual TCP/IP stack offers to those above it (paper 3.3, packet manipulation module).
 * `stack.ts` implements it over lwIP; tests may implement it otherwise.
 */
import type { Endpoint, VirtualAddresses } from '../../wire/addresses';

/** Who may reach which port of this node. Asked for TCP and for datagrams that answer nothing. */
export interface InboundPolicy {
  /** Nobody is refused now: it need not be asked. */
  readonly isOpen?: boolean;
  /**
   * `port`: this node's. The sender's address, 4 or 16 bytes at `offset` of `bytes`, valid during the call, is a
   * correspondent's virtual address, authenticated by its tunnel, or this node's own.
   */
  admits(protocol: 'tcp' | 'udp', bytes: Uint8Array, offset: number, length: number, port: number): boolean;
  /** It found the port closed. */
  refused(protocol: 'tcp' | 'udp', bytes: Uint8Array, offset: number, length: number, port: number): void;
}

/** How the path to a correspondent node has become another one. */
export interface PathChange {
  /** What is under way by the old one still arrives: the new one was only better. Default: it is lost. */
  readonly oldDelivers?: boolean;
  /** As measured on the new one; milliseconds. Default: nothing is known of it. */
  readonly rttMs?: number | undefined;
}

/** Why a connection failed, with the errno that Node would show for it. */
export type TcpFailure =
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'ECONNABORTED'
  | 'ETIMEDOUT'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'EACCES'
  | 'ENOMEM'
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL';

/**
 * What a connection tells its owner. Never called from inside a call of the owner's into the stack
 * (write, consumed, ...), so no re-entrance; never called again after `failed` or `closed`.
 */
export interface TcpEvents {
  /** The three-way handshake is complete. */
  connected(): void;
  /**
   * Bytes in order. The view is valid until the next call into the stack: copy what you keep.
   * The receive window shrinks by them until `consumed()` gives them back.
   */
  received(bytes: Uint8Array): void;
  /** The peer sent FIN; nothing more will be received. The other direction stays open (half-close). */
  ended(): void;
  /** The peer acknowledged bytes: `writableLength` grew. */
  drained(): void;
  /** The connection is gone, abnormally. `cause`: why it was given up, when others than its ends decided so. */
  failed(reason: TcpFailure, cause?: Error): void;
  /** Both directions ended in order and everything written was acknowledged. The object is dead. */
  closed(): void;
}

export interface TcpConnection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Bytes that `write` would accept now. */
  readonly writableLength: number;
  /** Bytes written and not yet acknowledged by the peer. */
  readonly unacknowledgedLength: number;
  /** Copies as many leading bytes as fit into the send buffer and returns how many; 0 means wait for `drained`. */
  write(bytes: Uint8Array): number;
  /** Sends FIN after what was written. No `write` after it. */
  shutdown(): void;
  /** Opens the receive window again by `length` bytes that were handed out by `received`. */
  consumed(length: number): void;
  /** Sends RST and forgets; no event follows. */
  abort(): void;
  setNoDelay(enabled: boolean): void;
  setKeepAlive(enabled: boolean, initialDelayMs: number): void;
  setEvents(events: TcpEvents): void;
}

export interface TcpListener {
  readonly local: Endpoint;
  close(): void;
}

export interface TcpConnectOptions {
  readonly remote: Endpoint;
  /** Default: this node's virtual address of the remote's family, an ephemeral port. */
  readonly local?: Partial<Endpoint>;
}

export interface TcpListenOptions {
  /** `0.0.0.0` for IPv4 only, `::` for both unless `ipv6Only`, or one virtual address. */
  readonly address: string;
  /** 0 takes a free ephemeral port. */
  readonly port: number;
  readonly ipv6Only?: boolean;
  readonly backlog: number;
}

/** Why a datagram was not sent, or did not arrive, with the errno that Node would show for it. */
export type UdpFailure =
  | 'ECONNREFUSED'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'EADDRNOTAVAIL'
  | 'EAFNOSUPPORT'
  | 'EBADF'
  | 'EINVAL'
  | 'EMSGSIZE'
  | 'ENOBUFS';

/** Never called from inside a call of the owner's into the stack, nor after close(). */
export interface UdpEvents {
  /**
   * `bytes` are the receiver's to keep; `to` is the own address that they were sent to. False when it had no room for
   * them, or does not receive now.
   */
  received(bytes: Uint8Array, from: Endpoint, to: string): unknown;
  /** What was sent to the connected remote did not arrive there (RFC 1122, 4.1.3.3). */
  failed(reason: UdpFailure): void;
}

export interface UdpSocket {
  readonly local: Endpoint;
  /** Receives from this endpoint only, and hears of errors; `send` needs no endpoint any more. */
  connect(remote: Endpoint): void;
  disconnect(): void;
  /** Sent, as far as UDP can tell, or why not. Larger than the path's MTU it leaves in fragments. */
  send(bytes: Uint8Array, to?: Endpoint): UdpFailure | undefined;
  /** The owner had no room for a datagram that it was given. */
  countOverflow(): void;
  /** The owner gave up a datagram before it came here: there is no tunnel, or too many wait for one. */
  countUnsent(): void;
  close(): void;
}

export interface UdpOpenOptions {
  /** `0.0.0.0` for IPv4 only, `::` for both unless `ipv6Only`, or one virtual address. */
  readonly address: string;
  /** 0 takes a free ephemeral port. */
  readonly port: number;
  readonly ipv6Only?: boolean;
}

/** Thrown synchronously by connectTcp, listenTcp, openUdp and ping. */
export interface StackError extends Error {
  readonly code: 'EADDRINUSE' | 'EADDRNOTAVAIL' | 'ENOMEM' | 'EINVAL' | 'EHOSTUNREACH';
}

export interface VirtualStack {
  /** The node's addresses; undefined until the DC assigned them. */
  readonly addresses: VirtualAddresses | undefined;
  /** Brings the virtual interface up with these addresses; again with others renumbers it. `mtu`: see setPathMtu. */
  configure(addresses: VirtualAddresses, mtu: number): void;
  /**
   * The largest IP packet, in bytes, that reaches this address, for connections that are open and those to come;
   * `configure` gave it for addresses of which nothing is known.
   */
  setPathMtu(remoteAddress: string, mtu: number): void;
  /** An IP packet that came out of a tunnel. Malformed ones are counted and dropped; never throws. */
  input(packet: Uint8Array): void;
  connectTcp(options: TcpConnectOptions, events: TcpEvents): TcpConnection;
  /** `onConnection` is given an established connection, and must call `setEvents` on it before it returns. */
  listenTcp(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener;
  openUdp(options: UdpOpenOptions, events: UdpEvents): UdpSocket;
  /**
   * Sends an ICMP echo request of `length` bytes, at most 1,024: the round trip in milliseconds, or undefined when
   * there was no reply within five seconds.
   */
  ping(address: string, length?: number): Promise<number | undefined>;
  /** Aborts everything and frees every buffer. */
  close(): void;
}
