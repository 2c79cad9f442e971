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
  /** Endpoints behind NATs whose mapping depends on whom is sent to: between two of these nothing gets through. */
  readonly behindNats = new Set<string>();
  private readonly receivers = new Map<string, (datagram: Uint8Array, from: Endpoint) => void>();
  private readonly renamed = new Map<string, Endpoint>();
  private readonly nats = new Map<string, ForgetfulNat>();

  constructor(readonly time: VirtualTime) {}

  /** Binds an endpoint; the result sends from it. */
  attach(
    local: Endpoint,
    receive: (datagram: Uint8Array, from: Endpoint) => void,
  ): (datagram: Uint8Array, to: Endpoint) => void {
    const nat = this.nats.get(formatEndpoint(local));
    if (nat) nat.receive = receive;
    else this.receivers.set(formatEndpoint(local), receive);
    return this.sender(local);
  }

  /** Sends from an endpoint that somebody else has: whoever is on the way can do that. */
  sender(local: Endpoint): (datagram: Uint8Array, to: Endpoint) => void {
    return (datagram, to) => {
      const copy = datagram.slice();
      const nat = this.nats.get(formatEndpoint(local));
      const from = nat?.outbound() ?? this.renamed.get(formatEndpoint(local)) ?? local;
      if (this.lose(copy, from, to) || this.isBetweenNats(from, to)) return;
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

  /**
   * A NAT in front of `local`, to be put there before `local` is attached, whose mapping ends when nothing was sent through it for so long: what comes then is
   * lost, and what is sent next has another port.
   */
  translate(local: Endpoint, address: string, forgetMs: number): ForgetfulNat {
    const nat: ForgetfulNat = new ForgetfulNat(this.time, address, forgetMs, (mapping, isAlive) => {
      this.receivers.set(formatEndpoint(mapping), (datagram, from) => isAlive() && nat.receive(datagram, from));
    });
    this.nats.set(formatEndpoint(local), nat);
    return nat;
  }

  detach(local: Endpoint): void {
    this.receivers.delete(formatEndpoint(local));
    this.behindNats.delete(formatEndpoint(local));
  }

  private isBetweenNats(...ends: readonly Endpoint[]): boolean {
    return ends.every((endpoint) => this.behindNats.has(formatEndpoint(endpoint)));
  }
}

class ForgetfulNat {
  /** Mappings that it had until now. */
  mappings = 0;
  sent = 0;
  /** Of the node behind it. */
  receive: (datagram: Uint8Array, from: Endpoint) => void = () => {};
  private mapping: Endpoint | undefined;
  private usedMs = -Infinity;

  constructor(
    private readonly time: VirtualTime,
    private readonly address: string,
    private readonly forgetMs: number,
    private readonly open: (mapping: Endpoint, isAlive: () => boolean) => void,
  ) {}

  outbound(): Endpoint {
    this.sent++;
    if (!this.mapping || this.isForgotten()) {
      const mapping = { address: this.address, port: 50_000 + this.mappings++ };
      this.mapping = mapping;
      this.open(mapping, () => this.mapping === mapping && !this.isForgotten());
    }
    this.usedMs = this.time.now();
    return this.mapping;
  }

  private isForgotten(): boolean {
    return this.time.now() - this.usedMs > this.forgetMs;
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
