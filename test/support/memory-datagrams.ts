/**
 * UDP in memory on virtual time: each datagram arrives a millisecond later, unless `lose` or `latencyMs` say otherwise.
 * And `settle`, which lets virtual time pass until a promise is settled.
 */
import type { Endpoint } from '../../core/wire/addresses';
import { formatEndpoint } from '../../core/wire/addresses';
import type { VirtualTime } from './virtual-time';

export class MemoryNetwork {
  /** True: the datagram is lost. */
  lose: (datagram: Uint8Array, from: Endpoint, to: Endpoint) => boolean = () => false;
  latencyMs: (from: Endpoint, to: Endpoint) => number = () => 1;
  private readonly receivers = new Map<string, (datagram: Uint8Array, from: Endpoint) => void>();
  private readonly renamed = new Map<string, Endpoint>();

  constructor(readonly time: VirtualTime) {}

  /** Binds an endpoint; the result sends from it. */
  attach(
    local: Endpoint,
    receive: (datagram: Uint8Array, from: Endpoint) => void,
  ): (datagram: Uint8Array, to: Endpoint) => void {
    this.receivers.set(formatEndpoint(local), receive);
    return this.sender(local);
  }

  /** Sends from an endpoint that somebody else has: whoever is on the way can do that. */
  sender(local: Endpoint): (datagram: Uint8Array, to: Endpoint) => void {
    return (datagram, to) => {
      const copy = datagram.slice();
      const from = this.renamed.get(formatEndpoint(local)) ?? local;
      if (this.lose(copy, from, to)) return;
      this.time.schedule(this.latencyMs(from, to), () => this.receivers.get(formatEndpoint(to))?.(copy, from));
    };
  }

  /** A NAT in between gives `local` another mapping; what is sent to the old one is lost. */
  rename(local: Endpoint, mapping: Endpoint): void {
    const receive = this.receivers.get(formatEndpoint(local));
    if (!receive) throw new Error(`nobody is at ${formatEndpoint(local)}`);
    this.receivers.delete(formatEndpoint(local));
    this.receivers.set(formatEndpoint(mapping), receive);
    this.renamed.set(formatEndpoint(local), mapping);
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
