/**
 * One TCP connection of the virtual stack, behaving towards Node as a libuv TCP stream does.
 * Read `stream-handle.ts` first: the native handle through which Node calls this, and this calls Node.
 *
 *   new --connect()--> connecting --connected--> open --failed/close()--> closed
 *   new --accept()---------------------------------^
 *
 * The stack's events only change state here. Node hears of them in `#step`, one at a time, with ticks and microtasks run
 * in between, because apps rely on that order; and so no exception of an app's reaches the stack.
 */
import { AsyncResource } from 'node:async_hooks';
import type { TcpConnection, TcpEvents, TcpFailure } from '../core/packet/stack/stack-contract';
import type { VirtualNetwork } from '../core/virtual-network';
import type { Endpoint } from '../core/wire/addresses';
import { PendingConnect, type ConnectOutcome, type ConnectRequest } from './connect-outcome';
import { linger } from './linger';
import { Hold } from './liveness';
import { addCause, connectCode, errnoOf, systemError } from './node-errors';
import { inPollPhase } from '../core/poll-phase';
import { afterPartsOfBody, readNatively } from './native-reader';
import { ReceiveQueue } from './receive-queue';
import type { StreamHandle } from './stream-handle';
import { inClosePhase, type NativeRequest } from './node-internals';
import { WriteQueue } from './write-queue';

export class VirtualStream implements TcpEvents {
  bytesRead = 0;
  bytesWritten = 0;
  /** Set by bind() before connect(). */
  bound: Partial<Endpoint> = {};
  local: Endpoint | undefined;
  remote: Endpoint | undefined;

  readonly #scope = new AsyncResource('NTMOBILETCP', { requireManualDestroy: true });
  readonly #hold = new Hold(this, () => this.handle.consumer());
  readonly #received = new ReceiveQueue();
  readonly #writes = new WriteQueue();
  #phase: 'new' | 'connecting' | 'open' | 'closed' = 'new';
  #connection: TcpConnection | undefined;
  #connect: PendingConnect | undefined;
  #shutdown: NativeRequest | undefined;
  #shutdownSent = false;
  #reading = false;
  /** How many of the received bytes are with the app at this moment. */
  #delivering = 0;
  #referenced = true;
  /** The peer's FIN: not seen, waiting to be delivered after the bytes before it, delivered. */
  #end: 'none' | 'pending' | 'delivered' = 'none';
  #failure: TcpFailure | undefined;
  #cause: Error | undefined;
  #stepScheduled = false;
  #reportScheduled = false;

  constructor(
    private readonly handle: StreamHandle,
    private readonly network: VirtualNetwork,
  ) {}

  get isOpen(): boolean {
    return this.#connection !== undefined && this.#phase === 'open';
  }

  get isReferenced(): boolean {
    return this.#referenced;
  }

  get queuedWriteLength(): number {
    return this.#writes.queuedLength;
  }

  // --- what Node asks for ---

  /** For a connection that a listener accepted. */
  accept(connection: TcpConnection): void {
    this.#phase = 'open';
    this.#setConnection(connection);
    connection.setEvents(this);
  }

  connect(request: ConnectRequest, remote: Endpoint): number {
    if (this.#phase !== 'new') return errnoOf('EISCONN');
    this.#phase = 'connecting';
    this.#connect = new PendingConnect(request);
    this.#updateHold();
    const reached = this.network.reach(remote.address);
    if (reached) {
      reached.then(
        () => this.#startConnect(remote),
        (cause: unknown) => this.#connectDone({ status: errnoOf(connectCode(cause)), cause }),
      );
    } else this.#startConnect(remote);
    return 0;
  }

  readStart(): number {
    this.#reading = true;
    this.#updateHold();
    this.#schedule();
    return 0;
  }

  readStop(): number {
    this.#reading = false;
    this.#updateHold();
    return 0;
  }

  /** Writes at once what the send buffer has room for, as uv_try_write does; returns how much, or an errno. */
  tryWrite(bytes: Uint8Array): number {
    const refusal = this.#writeRefusal();
    if (refusal !== 0) return refusal;
    if (!this.#writes.isEmpty) return 0;
    const accepted = this.#connection!.write(bytes);
    this.bytesWritten += accepted;
    return accepted;
  }

  /** A request is never finished inside this call: Node's native side has not set it up yet. */
  write(request: NativeRequest, buffers: readonly Uint8Array[]): number {
    const refusal = this.#writeRefusal();
    if (refusal !== 0) return refusal;
    this.bytesWritten += this.#writes.add(request, buffers);
    this.#writes.pump(this.#connection!);
    this.#updateHold();
    this.#reportWritten();
    return 0;
  }

  /** Whether the stack took all of what was written last; if so, the request is not finished by finishWrite(). */
  takeBack(request: NativeRequest): boolean {
    const isWritten = this.#writes.takeBack(request);
    if (isWritten) this.#updateHold();
    return isWritten;
  }

  shutdown(request: NativeRequest): number {
    if (!this.#connection || this.#phase !== 'open') return errnoOf('ENOTCONN');
    this.#shutdown = request;
    this.#updateHold();
    this.#schedule();
    return 0;
  }

  setNoDelay(enabled: boolean): number {
    this.#connection?.setNoDelay(enabled);
    return 0;
  }

  setKeepAlive(enabled: boolean, initialDelayMs: number): number {
    this.#connection?.setKeepAlive(enabled, initialDelayMs);
    return 0;
  }

  setReferenced(referenced: boolean): void {
    this.#referenced = referenced;
    this.#updateHold();
  }

  /** As the kernel does: RST if the app left bytes unread, otherwise what was written is still delivered. */
  close(callback: (() => void) | undefined, reset = false): void {
    if (this.#phase === 'closed') return;
    const connection = this.#connection;
    if (connection) {
      const unread = this.#received.length - this.#delivering;
      if (reset || unread > 0 || this.#writes.queuedLength > 0) connection.abort();
      else linger(connection, this.#shutdownSent);
    }
    this.#phase = 'closed';
    this.#connection = undefined;
    this.#reading = false;
    if (this.#delivering === 0) this.#received.clear();
    this.#hold.set(false);
    inClosePhase(() => this.#scope.runInAsyncScope(() => this.#finishClose(callback)));
  }

  // --- what the stack tells ---

  connected(): void {
    this.local = this.#connection?.local; // chosen by now, wherever the stack is
    this.#connectDone({ status: 0 });
  }

  received(bytes: Uint8Array): void {
    this.#received.append(bytes);
    this.#schedule();
  }

  ended(): void {
    if (this.#end === 'none') this.#end = 'pending';
    this.#schedule();
  }

  drained(): void {
    if (this.#connection && !this.#writes.isEmpty) this.#writes.pump(this.#connection);
    this.#reportWritten();
  }

  failed(reason: TcpFailure, cause?: Error): void {
    this.#connection = undefined;
    // A connection may be established and reset within one turn, before Node heard of it.
    if (this.#connect?.isOver === false) return this.#connectDone({ status: errnoOf(reason), cause });
    this.#failure = reason;
    this.#cause = cause;
    this.#schedule();
  }

  closed(): void {
    this.#connection = undefined;
    if (this.#end === 'none') this.#end = 'pending';
    this.#schedule();
  }

  // --- one event at a time ---

  #schedule(): void {
    if (this.#stepScheduled || !this.#hasEvent()) return;
    this.#stepScheduled = true;
    inPollPhase(() => this.#step());
  }

  #step(): void {
    this.#stepScheduled = false;
    try {
      if (this.#phase !== 'closed') this.#deliverOne();
    } finally {
      this.#updateHold();
      this.#schedule();
    }
  }

  #hasEvent(): boolean {
    if (this.#phase === 'connecting') return this.#connect?.isOver === true;
    if (this.#phase !== 'open') return false;
    if (this.#failure && !this.#writes.isIdle) return true;
    if (this.#shutdown && this.#writes.isIdle) return true;
    return this.#reading && (this.#received.length > 0 || this.#end === 'pending' || this.#failure !== undefined);
  }

  /**
   * Soon, since native code sends nothing more before it knows; but TLS cannot hear of it within a read. Where libuv has
   * written at once Node tells TLS before the next immediates, and an HTTP/2 session that ends counts on that.
   */
  #reportWritten(): void {
    if (this.#reportScheduled || !this.#writes.hasWritten) return;
    this.#reportScheduled = true;
    if (this.handle.tlsSocket) inPollPhase(() => this.#finishWritten());
    else process.nextTick(() => this.#finishWritten());
  }

  #finishWritten(): void {
    this.#reportScheduled = false;
    const request = this.#phase === 'open' ? this.#writes.takeWritten() : undefined;
    try {
      if (request) this.handle.finishWrite(request, 0);
    } finally {
      this.#updateHold();
      this.#reportWritten();
      this.#schedule();
    }
  }

  #deliverOne(): void {
    if (this.#phase === 'connecting') return this.#deliverConnect();
    if (this.#reading && this.#received.length > 0) return this.#deliverBytes();
    if (this.#failure) return this.#deliverFailure(this.#failure);
    if (this.#shutdown && this.#writes.isIdle) return this.#deliverShutdown(this.#shutdown);
    if (this.#reading && this.#end === 'pending') {
      this.#end = 'delivered';
      this.#reading = false; // as libuv does at EOF
      this.#read(() => this.handle.emitEOF());
    }
  }

  #deliverConnect(): void {
    const connect = this.#connect!;
    this.#connect = undefined;
    this.#phase = connect.isConnected ? 'open' : 'new';
    connect.complete(this.handle);
  }

  #deliverBytes(): void {
    const bytes = this.#received.peek(this.handle.readLimit());
    const { length } = bytes;
    this.bytesRead += length;
    this.#delivering = length;
    try {
      this.#read(() => this.handle.readBuffer(bytes)); // copies, and calls onread of whoever consumes the handle
    } finally {
      this.#delivering = 0;
      this.#received.take(length);
      if (this.#phase === 'open') this.#connection?.consumed(length);
      else this.#received.clear();
    }
  }

  #read(call: () => void): void {
    const { nativeReader } = this.handle;
    if (!nativeReader) return call();
    const owner = nativeReader === 'http' ? this.handle.consumer() : undefined;
    readNatively(this.handle.getAsyncId(), call, owner && afterPartsOfBody(owner));
  }

  #deliverShutdown(request: NativeRequest): void {
    this.#shutdown = undefined;
    if (!this.#shutdownSent) this.#connection?.shutdown();
    this.#shutdownSent = true;
    this.handle.finishShutdown(request, 0);
  }

  #deliverFailure(reason: TcpFailure): void {
    const cancelled = this.#writes.cancel();
    if (cancelled.length > 0) {
      for (const request of cancelled) this.handle.finishWrite(request, errnoOf(reason));
      return;
    }
    if (this.#shutdown) {
      const request = this.#shutdown;
      this.#shutdown = undefined;
      return this.handle.finishShutdown(request, errnoOf('ENOTCONN'));
    }
    if (!this.#reading) return;
    this.#reading = false;
    // JSStream can signal the end of a stream but no error: the socket is told directly.
    const error = systemError(reason, 'read');
    addCause(error, this.#cause);
    this.#scope.runInAsyncScope(() => this.handle.consumer()?.destroy(error));
  }

  // --- the rest ---

  #startConnect(remote: Endpoint): void {
    if (this.#phase !== 'connecting') return; // closed while the tunnel was constructed
    try {
      this.#setConnection(this.network.connectTcp({ remote, local: this.bound }, this));
    } catch (cause) {
      this.#connectDone({ status: errnoOf(connectCode(cause)), cause });
    }
  }

  #setConnection(connection: TcpConnection): void {
    this.#connection = connection;
    this.local = connection.local;
    this.remote = connection.remote;
  }

  #connectDone(outcome: ConnectOutcome): void {
    this.#connect?.end(outcome);
    this.#schedule();
  }

  #writeRefusal(): number {
    if (this.#phase !== 'open') return errnoOf('EBADF');
    if (!this.#connection || this.#shutdownSent) return errnoOf('EPIPE');
    return 0;
  }

  #updateHold(): void {
    const pending = this.#phase === 'connecting' || !this.#writes.isIdle || this.#shutdown !== undefined;
    const active = this.#referenced && this.#reading && this.#end !== 'delivered';
    this.#hold.set(this.#phase !== 'closed' && (pending || active));
  }

  /** uv_close: pending requests end with ECANCELED, then the close callback is called. */
  #finishClose(callback: (() => void) | undefined): void {
    const cancelled = errnoOf('ECANCELED');
    for (const request of this.#writes.cancel()) this.handle.finishWrite(request, cancelled);
    if (this.#shutdown) this.handle.finishShutdown(this.#shutdown, cancelled);
    this.#shutdown = undefined;
    this.#connect?.cancel(this.handle);
    this.#connect = undefined;
    this.#scope.emitDestroy();
    callback?.();
  }
}
