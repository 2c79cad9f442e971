/**
 * Received bytes that the app has not taken yet. The stack's view is valid only during the call, so it is copied once,
 * into slabs that are shared by all sockets and coalesce small segments into one delivery, as a kernel buffer would.
 * The receive window bounds the queue: its bytes are given back only when they leave it.
 */
const SLAB_SIZE = 64 * 1024; // libuv reads at most this much at once
const SPARE_SLABS = 64;

interface Slab {
  readonly buffer: Buffer;
  start: number;
  end: number;
}

const spareSlabs: Slab[] = [];

export class ReceiveQueue {
  readonly #slabs: Slab[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      let tail = this.#slabs.length > this.#head ? this.#slabs[this.#slabs.length - 1]! : undefined;
      if (!tail || tail.end === SLAB_SIZE) {
        tail = spareSlabs.pop() ?? { buffer: Buffer.allocUnsafeSlow(SLAB_SIZE), start: 0, end: 0 };
        this.#slabs.push(tail);
      }
      const part = bytes.subarray(offset, offset + SLAB_SIZE - tail.end);
      tail.buffer.set(part, tail.end);
      tail.end += part.length;
      offset += part.length;
    }
    this.#length += bytes.length;
  }

  /** The first bytes, without taking them; valid until `take`. */
  peek(limit: number): Buffer {
    const slab = this.#slabs[this.#head];
    if (!slab) return Buffer.alloc(0);
    return slab.buffer.subarray(slab.start, Math.min(slab.end, slab.start + limit));
  }

  /** Removes bytes that `peek` showed. */
  take(length: number): void {
    const slab = this.#slabs[this.#head];
    if (!slab) return; // cleared meanwhile
    slab.start += length;
    this.#length -= length;
    if (slab.start < slab.end) return;
    recycle(slab);
    this.#head++;
    if (this.#head === this.#slabs.length || this.#head > 64) {
      this.#slabs.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    for (const slab of this.#slabs.slice(this.#head)) recycle(slab);
    this.#slabs.length = 0;
    this.#head = 0;
    this.#length = 0;
  }
}

function recycle(slab: Slab): void {
  slab.start = slab.end = 0;
  if (spareSlabs.length < SPARE_SLABS) spareSlabs.push(slab);
}
