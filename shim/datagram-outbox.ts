/**
 * Datagrams for a node to which the tunnel is still being constructed: they wait, as a kernel's wait for the answer of
 * ARP, and go out in order once it is there. What waits holds the process, and outlives the close of its socket.
 */
import type { VirtualNetwork } from '../core/virtual-network';
import { Hold } from './liveness';

/** To one address; more are lost. Linux's unres_qlen_bytes. */
const LIMIT_BYTES = 212_992;

interface Waiting {
  readonly bytes: Uint8Array;
  /** Called without an argument when the tunnel is there, else with the reason why there is none. */
  readonly go: (failure?: { readonly cause: unknown }) => void;
}

export class DatagramOutbox {
  readonly #waiting = new Map<string, { bytes: number; readonly datagrams: Waiting[] }>();
  readonly #hold = new Hold(this);

  constructor(private readonly network: VirtualNetwork) {}

  /** Calls `go` now or when the tunnel to `address` is there. False when too many wait: this one is lost. */
  send(address: string, bytes: Uint8Array, go: Waiting['go']): boolean {
    const queue = this.#waiting.get(address);
    if (queue) {
      if (queue.bytes + bytes.length > LIMIT_BYTES) return false;
      queue.bytes += bytes.length;
      queue.datagrams.push({ bytes, go });
      return true;
    }
    const reached = this.network.reach(address, 'perhaps silent');
    if (!reached) {
      go();
      return true;
    }
    this.#waiting.set(address, { bytes: bytes.length, datagrams: [{ bytes, go }] });
    this.#hold.set(true);
    reached.then(
      () => this.#settle(address),
      (cause: unknown) => this.#settle(address, { cause }),
    );
    return true;
  }

  /** Whether something waits for the tunnel to there. */
  isWaiting(address: string): boolean {
    return this.#waiting.has(address);
  }

  #settle(address: string, failure?: { cause: unknown }): void {
    const datagrams = this.#waiting.get(address)?.datagrams ?? [];
    this.#waiting.delete(address);
    this.#hold.set(this.#waiting.size > 0);
    for (const { go } of datagrams) go(failure);
  }
}
