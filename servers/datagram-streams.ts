/**
 * The TLS connections of a server over which nodes come that have no UDP: each datagram behind its length
 * (core/wire/frames.ts), in and out exactly as UDP would carry it. What is said is sealed as ever, so TLS only has to
 * pass middleboxes, and a connection says nothing about who is there.
 *
 *   open -- a datagram of ours --> heard -- answered --> served -- nothing heard for so long --> closed
 *     '--- none answered for PROVE_MS, or no datagram of ours ---------------------------------> closed
 *
 * The host makes connections (host-streams.ts). What a slow one does not take is dropped, as UDP's would be.
 */
import type { Clock, Timer, Timers } from '../core/runtime';
import { formatEndpoint, type Endpoint } from '../core/wire/addresses';
import { frame, FrameReader, STREAM_DATAGRAM_LIMIT } from '../core/wire/frames';
import { SIGNALLING_MAGIC } from '../core/wire/header';
import { RELAY_MAGIC } from '../core/wire/relay-frame';

/** From the connection to the first answer on it. */
const PROVE_MS = 10_000;
/** Longer than between two keep alives of a node that rests (600 s). */
const IDLE_MS = 900_000;
/** One timer looks after all connections. They are closed this much late, at most. */
const SWEEP_MS = 1_000;
/** Written to a connection and not taken yet. */
const QUEUE_LIMIT_BYTES = 256 * 1_024;

export interface StreamLimits {
  readonly connections: number;
  /** Of one address. Many nodes may sit behind one NAT, so this is generous. */
  readonly perSource: number;
}

const USUAL_LIMITS: StreamLimits = { connections: 10_000, perSource: 1_000 };

/** A TLS connection as the host gives it, after its handshake. */
export interface DatagramStream {
  readonly source: Endpoint;
  /** Bytes that were written and not taken yet. */
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
  /** `ended` is called in consequence, once. */
  close(): void;
}

export interface DatagramStreamEvents {
  bytes(bytes: Uint8Array): void;
  ended(): void;
}

export type StreamDrop =
  | 'too many connections'
  | 'too many from one source'
  | 'broke the framing'
  | 'not a datagram of ours'
  | 'silent'
  | 'no handshake' // counted by the host
  | 'not connected'
  | 'slow'
  | 'too large';

interface Connection {
  readonly stream: DatagramStream;
  /** One object for each connection: who keeps it finds the connection by it at once. */
  readonly from: Endpoint;
  deadlineMs: number;
  isServed: boolean;
}

export class DatagramStreams {
  /** Connections closed and datagrams dropped, by reason. */
  readonly drops = new Map<StreamDrop, number>();
  private readonly open = new Map<Endpoint, Connection>();
  private readonly byText = new Map<string, Connection>();
  private readonly perSource = new Map<string, number>();
  private readonly limits: StreamLimits;
  private sweepTimer: Timer | undefined;

  constructor(
    private readonly ports: { readonly clock: Clock; readonly timers: Timers },
    private readonly onDatagram: (datagram: Uint8Array, from: Endpoint) => void,
    limits: Partial<StreamLimits> = {},
    /** Nothing can be sent to whoever came from there any more. */
    private readonly onEnded: (from: Endpoint) => void = () => {},
  ) {
    this.limits = { ...USUAL_LIMITS, ...limits };
  }

  get size(): number {
    return this.open.size;
  }

  /** The host asks before the TLS handshake, which costs more than anything here. */
  mayAccept(sourceAddress: string): boolean {
    const isFull = this.open.size >= this.limits.connections;
    const fromSource = this.perSource.get(sourceAddress) ?? 0;
    if (isFull) this.count('too many connections');
    else if (fromSource >= this.limits.perSource) this.count('too many from one source');
    else return true;
    return false;
  }

  /** `undefined`: refused, the host closes it. */
  accept(stream: DatagramStream): DatagramStreamEvents | undefined {
    const { address, port } = stream.source;
    if (!this.mayAccept(address)) return undefined;
    const from: Endpoint = { address, port, stream: true };
    const connection = { stream, from, deadlineMs: this.ports.clock.now() + PROVE_MS, isServed: false };
    this.open.set(from, connection);
    this.byText.set(formatEndpoint(from), connection);
    this.perSource.set(address, (this.perSource.get(address) ?? 0) + 1);
    this.sweepLater();
    const reader = new FrameReader(STREAM_DATAGRAM_LIMIT);
    return {
      bytes: (bytes) => this.read(reader, bytes, connection),
      ended: () => this.end(connection),
    };
  }

  /** `to`: where a datagram came from. The datagram may be reused by the caller when this returns. */
  send(datagram: Uint8Array, to: Endpoint): void {
    const connection = this.open.get(to) ?? this.byText.get(formatEndpoint(to));
    if (!connection) return this.count('not connected');
    if (datagram.length > STREAM_DATAGRAM_LIMIT) return this.count('too large');
    if (connection.stream.queuedBytes > QUEUE_LIMIT_BYTES) return this.count('slow');
    if (!connection.isServed) this.served(connection);
    connection.stream.write(frame(datagram));
  }

  count(reason: StreamDrop): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  close(): void {
    for (const { stream } of [...this.open.values()]) stream.close();
    this.sweepTimer?.cancel();
  }

  private read(reader: FrameReader, bytes: Uint8Array, connection: Connection): void {
    if (this.open.get(connection.from) !== connection) return;
    const datagrams = reader.read(bytes);
    if (!datagrams) return this.refuse(connection, 'broke the framing');
    if (datagrams.length > 0 && connection.isServed) connection.deadlineMs = this.ports.clock.now() + IDLE_MS;
    for (const datagram of datagrams) {
      const magic = datagram[0];
      if (magic !== SIGNALLING_MAGIC && magic !== RELAY_MAGIC) return this.refuse(connection, 'not a datagram of ours');
      this.onDatagram(datagram, connection.from);
    }
  }

  private served(connection: Connection): void {
    connection.isServed = true;
    connection.deadlineMs = this.ports.clock.now() + IDLE_MS;
  }

  private refuse(connection: Connection, reason: StreamDrop): void {
    this.count(reason);
    connection.stream.close();
  }

  private end(connection: Connection): void {
    const { from } = connection;
    if (!this.open.delete(from)) return;
    const text = formatEndpoint(from);
    if (this.byText.get(text) === connection) this.byText.delete(text);
    const left = (this.perSource.get(from.address) ?? 1) - 1;
    if (left > 0) this.perSource.set(from.address, left);
    else this.perSource.delete(from.address);
    this.onEnded(from);
  }

  private sweepLater(): void {
    this.sweepTimer ??= this.ports.timers.schedule(SWEEP_MS, () => {
      this.sweepTimer = undefined;
      const now = this.ports.clock.now();
      for (const connection of this.open.values()) if (connection.deadlineMs <= now) this.refuse(connection, 'silent');
      if (this.open.size > 0) this.sweepLater();
    });
  }
}
