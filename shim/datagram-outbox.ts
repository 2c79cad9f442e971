/**
 * Datagrams for a node to which the tunnel is still being constructed: they wait, as a kernel's wait for the answer of
 * ARP, and go out in order once it is there. What waits holds the process, and outlives the close of its socket.
 */
import type { VirtualNetwork } from '../core/virtual-network';
import { bufferedLength } from './datagram-inbox';
import { Hold } from './liveness';

/** To one address; more are lost. Linux's unres_qlen_bytes. */
const LIMIT_BYTES = 212_992;
/** To all: a program that tries every address of a network does not fill the memory. */
const TOTAL_LIMIT_BYTES = 16 * LIMIT_BYTES;

interface Waiting {
  readonly bytes: Uint8Array;
  /** Called without an argument when the tunnel is there, else with the reason why there is none. */
  readonly go: (failure?: { readonly cause: unknown }) => void;
}

interface Queue {
  bytes: number;
  readonly datagrams: Waiting[];
}

export class DatagramOutbox {
  readonly #waiting = new Map<string, Queue>();
  readonly #hold = new Hold(this);
  #totalBytes = 0;

  constructor(private readonly network: VirtualNetwork) {}

  /** Calls `go` now or when the tunnel to `address` is there. False when too many wait: this one is lost. */
  send(address: string, bytes: Uint8Array, go: Waiting['go']): boolean {
    const queue = this.#waiting.get(address);
    if (queue) return this.#add(queue, bytes, go);
    const reached = this.network.reach(address, 'perhaps silent');
    if (!reached) {
      go();
      return true;
    }
    const first: Queue = { bytes: 0, datagrams: [] };
    const hasRoom = this.#add(first, bytes, go);
    this.#waiting.set(address, first);
    this.#hold.set(true);
    reached.then(
      () => this.#settle(address),
      (cause: unknown) => this.#settle(address, { cause }),
    );
    return hasRoom;
  }

  /** Whether something waits for the tunnel to there. */
  isWaiting(address: string): boolean {
    return this.#waiting.has(address);
  }

  #add(queue: Queue, bytes: Uint8Array, go: Waiting['go']): boolean {
    const length = bufferedLength(bytes);
    if (queue.bytes + length > LIMIT_BYTES || this.#totalBytes + length > TOTAL_LIMIT_BYTES) return false;
    queue.bytes += length;
    this.#totalBytes += length;
    queue.datagrams.push({ bytes, go });
    return true;
  }

  #settle(address: string, failure?: { cause: unknown }): void {
    const { datagrams, bytes } = this.#waiting.get(address) ?? { datagrams: [], bytes: 0 };
    this.#waiting.delete(address);
    this.#totalBytes -= bytes;
    this.#hold.set(this.#waiting.size > 0);
    for (const { go } of datagrams) go(failure);
  }
}
