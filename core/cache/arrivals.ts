/**
 * Bytes of items as they come from a cache server. The first ones may be here before the answer that announces them has
 * been looked at: they wait, as many as the server sends without being asked for more.
 */
import { PART_LENGTH, type Chunk } from '../wire/cache-frames';

const EARLY_LIMIT_BYTES = 4 * PART_LENGTH;

interface Arrival {
  readonly sealed: Uint8Array;
  received: number;
  failure: Error | undefined;
  /** Called with each chunk, and when there will be none any more. */
  readonly waiting: Set<() => void>;
}

export class Arrivals {
  private readonly expected = new Map<number, Arrival>();
  private early: Chunk[] = [];
  private earlyBytes = 0;

  /** The bytes of this item come into what is returned. Of one that is expected already: once more from the start. */
  expect(number: number, length: number): Uint8Array {
    const arrival: Arrival = { sealed: new Uint8Array(length), received: 0, failure: undefined, waiting: new Set() };
    this.expected.set(number, arrival);
    for (const chunk of this.early) if (chunk.transfer === number) add(arrival, chunk);
    this.early = this.early.filter(({ transfer }) => transfer !== number);
    this.earlyBytes = this.early.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return arrival.sealed;
  }

  /** Resolves when so many bytes of it are here. */
  async has(number: number, length: number): Promise<void> {
    const arrival = this.expected.get(number);
    while (arrival && arrival.received < length && !arrival.failure) {
      await new Promise<void>((wake) => arrival.waiting.add(wake));
      arrival.waiting.clear();
    }
    if (arrival?.failure) throw arrival.failure;
  }

  /** False: these are no bytes that may come now. */
  take(chunk: Chunk): boolean {
    const arrival = this.expected.get(chunk.transfer);
    if (arrival) return add(arrival, chunk);
    if (this.earlyBytes + chunk.bytes.length > EARLY_LIMIT_BYTES) return false;
    this.early.push(chunk);
    this.earlyBytes += chunk.bytes.length;
    return true;
  }

  forget(number: number): void {
    this.expected.delete(number);
  }

  /** There will be no more. */
  fail(error: Error): void {
    for (const arrival of this.expected.values()) {
      arrival.failure = error;
      wake(arrival);
    }
    this.early = [];
  }
}

function add(arrival: Arrival, { offset, bytes }: Chunk): boolean {
  if (offset !== arrival.received || offset + bytes.length > arrival.sealed.length) return false;
  arrival.sealed.set(bytes, offset);
  arrival.received += bytes.length;
  wake(arrival);
  return true;
}

function wake({ waiting }: Arrival): void {
  for (const resume of [...waiting]) resume();
}
