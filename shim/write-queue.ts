/**
 * Write requests that did not fit into the send buffer, in order. Node may have several outstanding (TLS and http2 do),
 * and may ask for a shutdown while they are.
 */
import type { TcpConnection } from '../core/packet/stack/stack-contract';
import type { NativeRequest } from './node-internals';

interface PendingWrite {
  readonly request: NativeRequest;
  readonly buffers: readonly Uint8Array[];
  index: number;
  offset: number;
}

export class WriteQueue {
  readonly #pending: PendingWrite[] = [];
  readonly #written: NativeRequest[] = [];
  /** Bytes that the stack has not accepted yet. */
  queuedLength = 0;

  /** No request is waiting for the stack; some may still wait to be completed. */
  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  get isIdle(): boolean {
    return this.#pending.length === 0 && this.#written.length === 0;
  }

  get hasWritten(): boolean {
    return this.#written.length > 0;
  }

  add(request: NativeRequest, buffers: readonly Uint8Array[]): number {
    let length = 0;
    for (const buffer of buffers) length += buffer.length;
    this.#pending.push({ request, buffers, index: 0, offset: 0 });
    this.queuedLength += length;
    return length;
  }

  /** Gives the stack what it accepts now. */
  pump(connection: TcpConnection): void {
    for (let write = this.#pending[0]; write; write = this.#pending[0]) {
      for (; write.index < write.buffers.length; write.index++, write.offset = 0) {
        const buffer = write.buffers[write.index]!;
        if (write.offset === buffer.length) continue;
        const accepted = connection.write(write.offset ? buffer.subarray(write.offset) : buffer);
        write.offset += accepted;
        this.queuedLength -= accepted;
        if (write.offset < buffer.length) return;
      }
      this.#pending.shift();
      this.#written.push(write.request);
    }
  }

  /** The next request whose bytes the stack has all accepted. */
  takeWritten(): NativeRequest | undefined {
    return this.#written.shift();
  }

  /** Whether all bytes of this request, the newest, are written; if so, it will not be reported. */
  takeBack(request: NativeRequest): boolean {
    if (this.#written.at(-1) !== request) return false;
    this.#written.pop();
    return true;
  }

  /** All requests that will not complete any more. */
  cancel(): NativeRequest[] {
    this.queuedLength = 0;
    return [...this.#written.splice(0), ...this.#pending.splice(0).map(({ request }) => request)];
  }
}
