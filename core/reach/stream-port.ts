/**
 * Datagrams over TLS, where no UDP passes: a connection to each server that something is sent to, each datagram behind
 * its length (wire/frames.ts). Whatever would be sealed in UDP is sealed here too, so nobody looks at certificates.
 *
 *   none -- a datagram is sent --> connecting -- TLS handshake over --> open -- idle, or the other side ends it --> none
 *                                      '------ refused, CONNECT_MS ------------------------------------------------^
 *
 * A server that could not be reached, or that ended a connection without a word, is left alone for a while, longer each
 * time. What waits for a connection, or for a slow one, is bounded; the rest is lost, as UDP's would be.
 */
import { backOff } from '../back-off';
import type { Clock, Runtime, StreamPort, Timer, Timers } from '../runtime';
import { formatEndpoint, type Endpoint } from '../wire/addresses';
import { frame, FrameReader, STREAM_DATAGRAM_LIMIT } from '../wire/frames';

const CONNECT_MS = 10_000;
const BACK_OFF_MS = { first: 500, limit: 30_000 };
/** Longer than between two keep alives of a node that rests (600 s), shorter than servers wait (900 s). */
const IDLE_MS = 700_000;
const SWEEP_MS = 100_000;
const QUEUE_LIMIT_BYTES = 256 * 1_024;
const BACK_OFFS_LIMIT = 256;

export interface StreamConnectionsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  openStreamPort: Runtime['openStreamPort'];
  /** `from`: the object that its connection was opened with. */
  onDatagram(datagram: Uint8Array, from: Endpoint): void;
  /** A connection ended that datagrams had come by. */
  onLost(to: Endpoint): void;
}

interface Connection {
  readonly to: Endpoint;
  readonly port: StreamPort;
  readonly connecting: Timer;
  /** What was sent before it was open. */
  waiting: Uint8Array[] | undefined;
  waitingBytes: number;
  usedMs: number;
  isProven: boolean;
}

export class StreamConnections {
  /** Datagrams that were not sent: too large, too many, or nobody there. */
  lost = 0;
  private readonly connections = new Map<string, Connection>();
  private readonly backOffs = new Map<string, { failures: number; untilMs: number }>();
  private sweepTimer: Timer | undefined;

  constructor(private readonly options: StreamConnectionsOptions) {}

  /** `serverName`: the host name of the server, for TLS (RFC 6066 section 3). */
  send(datagram: Uint8Array, to: Endpoint, serverName?: string): void {
    const connection = this.connections.get(formatEndpoint(to)) ?? this.open(to, serverName);
    if (!connection || datagram.length > STREAM_DATAGRAM_LIMIT) return void (this.lost += 1);
    connection.usedMs = this.options.clock.now();
    const queued = connection.waiting ? connection.waitingBytes : connection.port.queuedBytes;
    if (queued > QUEUE_LIMIT_BYTES) return void (this.lost += 1);
    const framed = frame(datagram);
    if (!connection.waiting) return connection.port.write(framed);
    connection.waiting.push(framed);
    connection.waitingBytes += framed.length;
  }

  /** Nobody is told of it. */
  end(to: Endpoint): void {
    const connection = this.connections.get(formatEndpoint(to));
    if (connection) this.forget(connection);
  }

  /** The host has another network: what was open leads through the one before. */
  endAll(): void {
    for (const connection of [...this.connections.values()]) this.forget(connection);
    this.backOffs.clear();
    this.sweepTimer?.cancel();
    this.sweepTimer = undefined;
  }

  private open(to: Endpoint, serverName: string | undefined): Connection | undefined {
    const { clock, timers, onDatagram, openStreamPort } = this.options;
    const name = formatEndpoint(to);
    const pause = this.backOffs.get(name);
    if (pause && clock.now() < pause.untilMs) return undefined;
    const reader = new FrameReader(STREAM_DATAGRAM_LIMIT);
    const port = openStreamPort(to, {
      tls: serverName === undefined ? {} : { serverName },
      onConnect: () => this.opened(connection),
      onBytes: (bytes) => {
        const datagrams = reader.read(bytes);
        if (!datagrams) return this.failed(connection);
        for (const datagram of datagrams) {
          if (!this.isKept(connection)) return;
          if (!connection.isProven) this.backOffs.delete(name);
          connection.isProven = true;
          connection.usedMs = clock.now();
          onDatagram(datagram, connection.to);
        }
      },
      onClose: () => this.failed(connection),
    });
    const connecting = timers.schedule(CONNECT_MS, () => this.failed(connection));
    const connection: Connection = {
      ...{ to, port, connecting, waiting: [], waitingBytes: 0, usedMs: clock.now(), isProven: false },
    };
    this.connections.set(name, connection);
    this.sweepLater();
    return connection;
  }

  private opened(connection: Connection): void {
    connection.connecting.cancel();
    const { waiting = [] } = connection;
    connection.waiting = undefined;
    if (this.isKept(connection)) for (const framed of waiting) connection.port.write(framed);
  }

  private failed(connection: Connection): void {
    if (!this.isKept(connection)) return;
    const name = formatEndpoint(connection.to);
    this.forget(connection);
    const failures = this.backOffs.get(name)?.failures ?? 0;
    const delayMs = backOff(BACK_OFF_MS, failures);
    if (this.backOffs.size >= BACK_OFFS_LIMIT) this.backOffs.clear();
    if (connection.isProven) this.options.onLost(connection.to);
    else this.backOffs.set(name, { failures: failures + 1, untilMs: this.options.clock.now() + delayMs });
  }

  private forget(connection: Connection): void {
    this.connections.delete(formatEndpoint(connection.to));
    connection.connecting.cancel();
    connection.port.close();
  }

  private isKept(connection: Connection): boolean {
    return this.connections.get(formatEndpoint(connection.to)) === connection;
  }

  private sweepLater(): void {
    this.sweepTimer ??= this.options.timers.schedule(SWEEP_MS, () => {
      this.sweepTimer = undefined;
      const since = this.options.clock.now() - IDLE_MS;
      for (const connection of [...this.connections.values()]) if (connection.usedMs < since) this.forget(connection);
      if (this.connections.size > 0) this.sweepLater();
    });
  }
}
