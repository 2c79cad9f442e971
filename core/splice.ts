/**
 * Two TCP connections become one: a virtual one and one of the host.
 *
 *   virtual  received -> host.write    its window opens again when the host's kernel has taken the bytes
 *   host     'data'   -> write         paused while the virtual send buffer is full
 *
 * An end is passed on as an end, the other direction stays open; a reset is passed on as a reset.
 */
import type { Socket } from 'node:net';
import type { TcpConnection, TcpEvents, TcpFailure } from './packet/stack/stack-contract';

/** How long a connection may be idle before it is asked for, as Linux does (tcp_keepalive_time). */
const KEEP_ALIVE_AFTER_MS = 7_200_000;

/** Which side failed, and how. */
export interface SpliceFailure {
  readonly side: 'virtual' | 'host';
  readonly error: Error & { code?: string };
}

export interface SpliceEnd {
  readonly failure?: SpliceFailure;
  /** From the network to the host, and back. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export class Splice implements TcpEvents {
  #bytesIn = 0;
  #bytesOut = 0;
  /** Taken by the host's kernel, and not yet given back to the virtual window. */
  #taken = 0;
  /** What did not fit into the virtual send buffer; the host's socket is paused meanwhile. */
  #rest: Buffer | undefined;
  #virtualOpen = true;
  #hostOpen = true;
  #hostEnded = false;
  #over = false;
  #connection: TcpConnection | undefined;

  /** `host` is half-open; it may be connecting, or it is paused. It is not read before the other side is connected. */
  constructor(
    private readonly host: Socket,
    private readonly onEnd: (end: SpliceEnd) => void,
  ) {
    host.pause();
    host.setNoDelay(true); // who wrote has decided already what goes together
    host.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
    host.on('error', (error) => this.#fail({ side: 'host', error }));
    host.on('close', () => this.#hostClosed());
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** With a connection that a listener accepted. */
  accept(connection: TcpConnection): void {
    connection.setEvents(this);
    this.connect(connection);
    this.connected();
  }

  /** With a connection that is being made, and whose events are this object's. */
  connect(connection: TcpConnection): void {
    this.#connection = connection;
    connection.setNoDelay(true);
    connection.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
  }

  /** Ends both sides by a reset. */
  reset(failure?: SpliceFailure): void {
    this.#fail(failure);
  }

  // --- what the virtual side tells ---

  connected(): void {
    const { host } = this;
    host.on('data', (bytes: Buffer) => this.#send(bytes));
    host.on('end', () => {
      this.#hostEnded = true;
      if (!this.#rest) this.#connection?.shutdown();
    });
    host.resume();
  }

  received(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#bytesIn += length;
    // A failed write is followed by 'error', which ends all.
    this.host.write(Buffer.from(bytes), (error) => void (error ?? this.#giveBack(length)));
  }

  ended(): void {
    this.host.end();
  }

  drained(): void {
    const rest = this.#rest;
    if (!rest) return;
    this.#rest = undefined;
    this.#send(rest);
    if (this.#rest) return;
    if (this.#hostEnded) this.#connection?.shutdown();
    else this.host.resume();
  }

  failed(reason: TcpFailure): void {
    this.#virtualOpen = false;
    this.#fail({ side: 'virtual', error: Object.assign(new Error(`virtual connection: ${reason}`), { code: reason }) });
  }

  closed(): void {
    this.#virtualOpen = false;
    if (!this.#hostOpen) this.#end(); // otherwise it closes by itself once its last bytes are written
  }

  // --- the rest ---

  #send(bytes: Buffer): void {
    const accepted = this.#virtualOpen ? this.#connection!.write(bytes) : bytes.length;
    this.#bytesOut += accepted;
    if (accepted === bytes.length) return;
    this.#rest = bytes.subarray(accepted);
    this.host.pause();
  }

  /** Once for all writes that the kernel took together. */
  #giveBack(length: number): void {
    this.#taken += length;
    if (this.#taken > length) return;
    process.nextTick(() => {
      const taken = this.#taken;
      this.#taken = 0;
      if (this.#virtualOpen) this.#connection?.consumed(taken);
    });
  }

  #hostClosed(): void {
    this.#hostOpen = false;
    const inOrder = this.#hostEnded && this.host.writableFinished;
    if (!inOrder) return this.#fail();
    if (!this.#virtualOpen) this.#end(); // otherwise its last bytes are on their way
  }

  #fail(failure?: SpliceFailure): void {
    if (this.#over) return;
    if (this.#virtualOpen) this.#connection?.abort();
    this.#virtualOpen = false;
    resetHost(this.host);
    this.#end(failure);
  }

  #end(failure?: SpliceFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.onEnd({ ...(failure && { failure }), bytesIn: this.#bytesIn, bytesOut: this.#bytesOut });
  }
}

/**
 * A reset asked for while libuv shuts a socket down is refused with EINVAL, and Node then takes the socket for closed:
 * its descriptor is open for good, and the process does not come to its end (Node 20 to 26, TCPWrap::Reset).
 */
function resetHost(host: Socket): void {
  const isShuttingDown = host.writableEnded && host.writableLength === 0 && !host.writableFinished;
  if (host.destroyed) return;
  if (host.connecting) host.destroy();
  else if (isShuttingDown) host.once('finish', () => resetHost(host));
  else host.resetAndDestroy();
}
