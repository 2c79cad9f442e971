/** The TCP connections of an NS or a CS: how many, from where, and until when. */
import type { Timer, Timers } from '../../core/runtime';
import { FrameReader } from '../../core/wire/frames';
import type { Peer } from '../../core/wire/peers';

/** From the connection to the node's registration on it. */
const REGISTER_MS = 5_000;
/** A registered connection without keep alives; nodes send one a minute or more often. */
const IDLE_MS = 180_000;
const CONNECTIONS_LIMIT = 10_000;
/** Many nodes may sit behind one NAT, so this is generous. */
const PER_SOURCE_LIMIT = 1_000;

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
  deadline: Timer;
}

export type ConnectionDrop = 'too many connections' | 'too many from one source' | 'broke the framing' | 'silent';

export class Connections {
  /** Connections closed from this side, by reason. */
  readonly drops = new Map<ConnectionDrop, number>();
  private readonly open = new Set<Connection>();
  private readonly perSource = new Map<string, number>();

  constructor(
    private readonly timers: Timers,
    private readonly onDatagram: (datagram: Uint8Array, connection: Connection) => void,
    private readonly onEnd: (connection: Connection) => void,
    /** Of a frame, bytes; default: of a signalling datagram. */
    private readonly frameLimit?: number,
  ) {}

  /** `undefined`: refused, the host closes it. */
  accept(stream: NodeStream): ConnectionEvents | undefined {
    const fromSource = this.perSource.get(stream.sourceAddress) ?? 0;
    if (this.open.size >= CONNECTIONS_LIMIT) return this.count('too many connections');
    if (fromSource >= PER_SOURCE_LIMIT) return this.count('too many from one source');
    const connection: Connection = { stream, node: undefined, deadline: this.deadline(REGISTER_MS, stream) };
    this.open.add(connection);
    this.perSource.set(stream.sourceAddress, fromSource + 1);
    const reader = new FrameReader(this.frameLimit);
    return {
      bytes: (bytes) => this.read(reader, bytes, connection),
      ended: () => this.end(connection),
    };
  }

  /** The connection proved to be `node`'s, and may stay while it is used. */
  admit(connection: Connection, node: Peer): void {
    connection.node = node;
    this.heard(connection);
  }

  heard(connection: Connection): void {
    if (!this.open.has(connection) || !connection.node) return;
    connection.deadline.cancel();
    connection.deadline = this.deadline(IDLE_MS, connection.stream);
  }

  get size(): number {
    return this.open.size;
  }

  get load(): number {
    return this.open.size / CONNECTIONS_LIMIT;
  }

  close(): void {
    for (const { stream } of [...this.open]) stream.close();
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
    connection.deadline.cancel();
    const { sourceAddress } = connection.stream;
    const left = (this.perSource.get(sourceAddress) ?? 1) - 1;
    if (left > 0) this.perSource.set(sourceAddress, left);
    else this.perSource.delete(sourceAddress);
    this.onEnd(connection);
  }

  private deadline(delayMs: number, stream: NodeStream): Timer {
    return this.timers.schedule(delayMs, () => {
      this.count('silent');
      stream.close();
    });
  }

  private count(reason: ConnectionDrop): undefined {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}
