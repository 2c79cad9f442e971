/**
 * UDP in memory on virtual time: each datagram arrives a millisecond later, unless `lose` says otherwise.
 * And `settle`, which lets virtual time pass until a promise is settled.
 */
import type { Endpoint } from '../../core/wire/addresses';
import { formatEndpoint } from '../../core/wire/addresses';
import type { VirtualTime } from './virtual-time';

const LATENCY_MS = 1;

export class MemoryNetwork {
  /** True: the datagram is lost. */
  lose: (datagram: Uint8Array, from: Endpoint, to: Endpoint) => boolean = () => false;
  private readonly receivers = new Map<string, (datagram: Uint8Array, from: Endpoint) => void>();

  constructor(readonly time: VirtualTime) {}

  /** Binds an endpoint; the result sends from it. */
  attach(
    local: Endpoint,
    receive: (datagram: Uint8Array, from: Endpoint) => void,
  ): (datagram: Uint8Array, to: Endpoint) => void {
    this.receivers.set(formatEndpoint(local), receive);
    return (datagram, to) => {
      const copy = datagram.slice();
      if (this.lose(copy, local, to)) return;
      this.time.schedule(LATENCY_MS, () => this.receivers.get(formatEndpoint(to))?.(copy, local));
    };
  }

  detach(local: Endpoint): void {
    this.receivers.delete(formatEndpoint(local));
  }
}

/** The promise's outcome; time passes as far as it takes, `limitMs` at most. */
export async function settle<T>(time: VirtualTime, promise: Promise<T>, limitMs = 60_000): Promise<T> {
  let settled = false;
  const mark = (): void => void (settled = true);
  promise.then(mark, mark);
  const end = time.now() + limitMs;
  for (await flush(); !settled; await flush()) {
    const delayMs = time.nextDelayMs;
    if (delayMs === undefined || time.now() + delayMs > end) throw new Error(`not settled at ${time.now()} ms`);
    time.advance(delayMs);
  }
  return promise;
}

/** Time passes, and with it what it causes. */
export async function pass(time: VirtualTime, ms: number): Promise<void> {
  const end = time.now() + ms;
  for (await flush(); ; await flush()) {
    const delayMs = time.nextDelayMs;
    if (delayMs === undefined || time.now() + delayMs > end) break;
    time.advance(delayMs);
  }
  time.advance(end - time.now());
}

/** Lets promises run. */
export function flush(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
