/**
 * The ports through which everything below touches the outside world: time, randomness, sockets, interfaces.
 * State machines take these as arguments, so that tests run them on a virtual clock and a simulated network.
 * `runtime-node.ts` is the only implementation that uses Node's own.
 */
import type { Endpoint } from './wire/addresses';

export interface Clock {
  /** Milliseconds, monotonic, with fractions; the zero point means nothing. */
  now(): number;
  /** Milliseconds since the Unix epoch; may jump. Only for timestamps that others compare (TAI64N, expiry). */
  wallTimeMs(): number;
}

export interface Timer {
  cancel(): void;
}

/** Timers never keep a process alive; what must, says so by other means. */
export interface Timers {
  schedule(delayMs: number, fire: () => void): Timer;
  /** When what has arrived by now was read, in this turn of the event loop. */
  soon(fire: () => void): void;
}

export interface Random {
  /** Cryptographically strong outside tests, seeded in tests. */
  bytes(length: number): Uint8Array;
}

/** A bound UDP socket of one IP version. */
export interface DatagramPort {
  readonly family: 4 | 6;
  readonly local: Endpoint;
  /** `datagram` may be reused by the caller when this returns. Errors go to `onSendError`, never thrown. */
  send(datagram: Uint8Array, to: Endpoint): void;
  close(): void;
}

export type Sender = Pick<DatagramPort, 'send'>;

export interface DatagramPortOptions {
  readonly family: 4 | 6;
  /** Default: the wildcard address. */
  readonly address?: string;
  /** Default: 0, any free port. */
  readonly port?: number;
  /** `datagram` is the receiver's to keep. */
  onDatagram(datagram: Uint8Array, from: Endpoint): void;
  onSendError(error: Error & { code?: string }, to: Endpoint): void;
}

/** A TCP connection to the host's network, as the notification client uses it; or TLS over one. */
export interface StreamPort {
  /** Bytes that were written and not taken yet. */
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
  close(): void;
}

export interface StreamPortOptions {
  /** TLS, whatever certificate the other side has: what is said over it is sealed to a known key. */
  readonly tls?: { readonly serverName?: string };
  /** Of the interface that it is to leave by; undefined: whichever the host takes. Not with TLS. */
  readonly localAddress?: string | undefined;
  onConnect(): void;
  onBytes(bytes: Uint8Array): void;
  /** Called once, whatever ended the stream. */
  onClose(error?: Error & { code?: string }): void;
}

/** An address of one of the host's interfaces. */
export interface HostAddress {
  readonly interfaceName: string;
  readonly family: 4 | 6;
  readonly address: string;
  readonly loopback: boolean;
}

/** The default router of one IP version. */
export interface Gateway {
  readonly family: 4 | 6;
  /** A link-local address has its zone: `fe80::1%eth0`. */
  readonly address: string;
  /** Of this host: where packets come from that go through it. */
  readonly localAddress: string;
}

export interface GatewayRequest {
  /** http, with an IPv4 address for its host. */
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface GatewayResponse {
  readonly status: number;
  readonly body: string;
}

/** What is asked of this host's router (core/reach/port-mapping). */
export interface GatewayAccess {
  /** undefined: there is none, or this system does not tell. Never rejects. */
  findGateway(family: 4 | 6): Promise<Gateway | undefined>;
  /** Hears what is sent to a multicast group on the interface of this address, if it can. The result ends that. */
  joinGroup(
    group: Endpoint,
    localAddress: string,
    onDatagram: (datagram: Uint8Array, from: Endpoint) => void,
  ): () => void;
  /**
   * One HTTP exchange, no redirect followed. `done` is called once, later, with undefined for whatever went wrong, a
   * longer answer (128 KiB) and a slower one (4 s) included. The result gives it up: `done` is not called then.
   */
  request(request: GatewayRequest, done: (response: GatewayResponse | undefined) => void): () => void;
}

/**
 * `look`: something may be another now. `lost`: this interface has lost an address, its carrier, or a default route,
 * perhaps for a moment only, and may be in another network: it is so even when all looks as it was.
 */
export type NetworkChange =
  { readonly kind: 'look' } | { readonly kind: 'lost'; readonly interfaceName: string | undefined };

export interface NetworkWatch {
  close(): void;
}

export interface Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  openDatagramPort(options: DatagramPortOptions): Promise<DatagramPort>;
  openStreamPort(to: Endpoint, options: StreamPortOptions): StreamPort;
  hostAddresses(): HostAddress[];
  /** The host's default routes, as text to compare; empty where there are none. Not there where they cannot be known. */
  defaultRoutes?(): string;
  /** The address that this host sends from to this endpoint; empty where there is no route. Never rejects. */
  sourceAddress?(to: Endpoint): Promise<string>;
  /**
   * Tells of each change of the host's addresses, links and routes when it happens. `onState`: whether it can be relied
   * on from now on. undefined: this system does not tell.
   */
  watchNetwork?(
    onChange: (change: NetworkChange) => void,
    onState: (isWatching: boolean) => void,
  ): NetworkWatch | undefined;
  /** The MTU of the interface that leads to this endpoint, bytes; undefined where that cannot be known. */
  interfaceMtu(to: Endpoint): Promise<number | undefined>;
  /** IP packets that this host has cut into fragments until now; undefined where that cannot be known. */
  cutPackets(): Promise<number | undefined>;
  /** An address of a host's name, by the host's own resolver; an address is its own. Rejects as dns.lookup does. */
  resolveHost(name: string): Promise<string>;
  /** Loaded by the call. undefined: there is no router to ask. */
  gateway?(): GatewayAccess;
}
