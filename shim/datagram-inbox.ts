/** Datagrams that have arrived and wait for the program: one per event, as libuv delivers them, and bounded. */
import type { Endpoint } from '../core/wire/addresses';

/** Linux's default receive buffer (net.core.rmem_default). */
const LIMIT_BYTES = 212_992;

interface Arrived {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

export class DatagramInbox {
  readonly #arrived: Arrived[] = [];
  #bytes = 0;

  constructor(private readonly deliver: (bytes: Uint8Array, from: Endpoint) => void) {}

  /** False when there is no room: the datagram is lost, as in a kernel's receive buffer. */
  add(bytes: Uint8Array, from: Endpoint): boolean {
    if (this.#bytes + bytes.length > LIMIT_BYTES) return false;
    this.#bytes += bytes.length;
    this.#arrived.push({ bytes, from });
    // One immediate each: ticks and microtasks of the program run in between.
    setImmediate(() => this.#next());
    return true;
  }

  close(): void {
    this.#arrived.length = 0;
  }

  #next(): void {
    const next = this.#arrived.shift();
    if (!next) return; // closed meanwhile
    this.#bytes -= next.bytes.length;
    this.deliver(next.bytes, next.from);
  }
}
