/** The TCP connections of an NS or a CS: how many, from where, and until when. */
import type { Clock, Timer, Timers } from '../../core/runtime';
import { FrameReader } from '../../core/wire/frames';
import type { Peer } from '../../core/wire/peers';

/** From the connection to the node's registration on it. */
const REGISTER_MS = 5_000;
/** A registered connection without keep alives; nodes send one every 180 s (core/negotiation/notification-client.ts). */
const IDLE_MS = 400_000;
/** One timer looks after all connections. They are closed this much late, at most. */
const SWEEP_MS = 1_000;

export interface ConnectionLimits {
  readonly connections: number;
  /** Of one address. Many nodes may sit behind one NAT, so this is generous. */
  readonly perSource: number;
}

const USUAL_LIMITS: ConnectionLimits = { connections: 10_000, perSource: 1_000 };

/** A TCP connection as the host gives it. */
export interface NodeStream {
  readonly sourceAddress: string;
  write(bytes: Uint8Array): void;
  /** `ended` is called in consequence, once. */
  close(): void;
}

export interface ConnectionEvents {
  bytes(bytes: Uint8Array): void;
  ended(): void;
}

export interface Connection {
  readonly stream: NodeStream;
  /** Who it proved to be. */
  node: Peer | undefined;
  /** Closed then, unless it is heard of. */
  deadlineMs: number;
}

export type ConnectionDrop =
  'too many connections' | 'too many from one source' | 'draining' | 'broke the framing' | 'silent';

export class Connections {
  /** Connections closed from this side, by reason. */
  readonly drops = new Map<ConnectionDrop, number>();
  private limits: ConnectionLimits;
  private readonly open = new Set<Connection>();
  private readonly perSource = new Map<string, number>();
  private sweepTimer: Timer | undefined;
  private accepts = true;

  constructor(
    private readonly ports: { readonly clock: Clock; readonly timers: Timers },
    private readonly onDatagram: (datagram: Uint8Array, connection: Connection) => void,
    private readonly onEnd: (connection: Connection) => void,
    limits: Partial<ConnectionLimits> = {},
    /** Of a frame, bytes; default: of a signalling datagram. */
    private readonly frameLimit?: number,
  ) {
    this.limits = { ...USUAL_LIMITS, ...limits };
  }

  /** `undefined`: refused, the host closes it. */
  accept(stream: NodeStream): ConnectionEvents | undefined {
    const fromSource = this.perSource.get(stream.sourceAddress) ?? 0;
    if (!this.accepts) return this.count('draining');
    if (this.open.size >= this.limits.connections) return this.count('too many connections');
    if (fromSource >= this.limits.perSource) return this.count('too many from one source');
    const connection: Connection = { stream, node: undefined, deadlineMs: this.ports.clock.now() + REGISTER_MS };
    this.open.add(connection);
    this.perSource.set(stream.sourceAddress, fromSource + 1);
    this.sweepLater();
    const reader = new FrameReader(this.frameLimit);
    return {
      bytes: (bytes) => this.read(reader, bytes, connection),
      ended: () => this.end(connection),
    };
  }

  /** Connections that are there stay. */
  changeLimits(limits: Partial<ConnectionLimits>): void {
    this.limits = { ...USUAL_LIMITS, ...limits };
  }

  /** No more, from now on. */
  refuseFurther(): void {
    this.accepts = false;
  }

  /** The connection proved to be `node`'s, and may stay while it is used. False: it has ended. */
  admit(connection: Connection, node: Peer): boolean {
    connection.node = node;
    this.heard(connection);
    return this.open.has(connection);
  }

  heard(connection: Connection): void {
    if (connection.node) connection.deadlineMs = this.ports.clock.now() + IDLE_MS;
  }

  get size(): number {
    return this.open.size;
  }

  get limit(): number {
    return this.limits.connections;
  }

  get load(): number {
    return this.open.size / this.limits.connections;
  }

  /** Those that nodes have registered on. */
  *registered(): Iterable<[Connection, Peer]> {
    for (const connection of this.open) if (connection.node) yield [connection, connection.node];
  }

  close(): void {
    for (const { stream } of [...this.open]) stream.close();
    this.sweepTimer?.cancel();
  }

  private read(reader: FrameReader, bytes: Uint8Array, connection: Connection): void {
    const datagrams = reader.read(bytes);
    if (!datagrams) {
      this.count('broke the framing');
      return connection.stream.close();
    }
    for (const datagram of datagrams) this.onDatagram(datagram, connection);
  }

  private end(connection: Connection): void {
    if (!this.open.delete(connection)) return;
    const { sourceAddress } = connection.stream;
    const left = (this.perSource.get(sourceAddress) ?? 1) - 1;
    if (left > 0) this.perSource.set(sourceAddress, left);
    else this.perSource.delete(sourceAddress);
    this.onEnd(connection);
  }

  private sweepLater(): void {
    this.sweepTimer ??= this.ports.timers.schedule(SWEEP_MS, () => {
      this.sweepTimer = undefined;
      const now = this.ports.clock.now();
      for (const { deadlineMs, stream } of this.open) {
        if (deadlineMs > now) continue;
        this.count('silent');
        stream.close();
      }
      if (this.open.size > 0) this.sweepLater();
    });
  }

  private count(reason: ConnectionDrop): undefined {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}
