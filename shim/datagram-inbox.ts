/** Datagrams that have arrived and wait for the program: one per event, as libuv delivers them, and bounded. */
import type { Endpoint } from '../core/wire/addresses';
import { inPollPhase } from '../core/poll-phase';

/** Linux's default receive buffer (net.core.rmem_default). */
export const DEFAULT_BUFFER_BYTES = 212_992;
/** What a datagram takes beside its bytes, about as Linux counts: empty ones fill a buffer too. */
const OVERHEAD_BYTES = 768;

/** What a datagram takes of a buffer. */
export const bufferedLength = (bytes: Uint8Array): number => bytes.length + OVERHEAD_BYTES;

interface Arrived {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

export class DatagramInbox {
  /** As set by setRecvBufferSize. */
  limitBytes = DEFAULT_BUFFER_BYTES;
  readonly #arrived: Arrived[] = [];
  #bytes = 0;

  constructor(private readonly deliver: (bytes: Uint8Array, from: Endpoint) => void) {}

  /** False when there is no room: the datagram is lost, as in a kernel's receive buffer. */
  add(bytes: Uint8Array, from: Endpoint): boolean {
    // One fits in any case: the smallest buffer that can be set holds a small one, and the largest is one.
    if (this.#bytes > 0 && this.#bytes + bufferedLength(bytes) > this.limitBytes) return false;
    this.#bytes += bufferedLength(bytes);
    this.#arrived.push({ bytes, from });
    // One event each: ticks and microtasks of the program run in between.
    inPollPhase(() => this.#next());
    return true;
  }

  close(): void {
    this.#arrived.length = 0;
  }

  #next(): void {
    const next = this.#arrived.shift();
    if (!next) return; // closed meanwhile
    this.#bytes -= bufferedLength(next.bytes);
    this.deliver(next.bytes, next.from);
  }
}
