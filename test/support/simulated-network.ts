/**
 * A network in virtual time: hosts with one address each, UDP and TCP between them, latency, and loss by choice.
 *
 *   const network = new SimulatedNetwork({ latencyMs: 5 });
 *   const runtime = network.host('192.0.2.1', seed);
 *   network.drop = (datagram, from, to) => true;      // nothing arrives any more
 *   await network.run(1_000);                          // a second passes
 */
import type { DatagramPort, DatagramPortOptions, Runtime, StreamPort, StreamPortOptions } from '../../core/runtime';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { pass } from './memory-datagrams';
import { SeededRandom, VirtualTime } from './virtual-time';

type Accept = (peer: StreamPort, from: Endpoint) => StreamPortOptions;

export class SimulatedNetwork {
  readonly time = new VirtualTime();
  drop: (datagram: Uint8Array, from: Endpoint, to: Endpoint) => boolean = () => false;
  private readonly sockets = new Map<string, DatagramPortOptions>();
  private readonly listeners = new Map<string, Accept>();
  private nextPort = 40_000;

  constructor(private readonly options: { latencyMs: number }) {}

  host(address: string, seed: number): Runtime {
    return {
      clock: this.time,
      timers: this.time,
      random: new SeededRandom(seed),
      openDatagramPort: async (options) => this.openDatagramPort(address, options),
      openStreamPort: (to, options) => this.connect({ address, port: this.nextPort++ }, to, options),
      hostAddresses: () => [{ interfaceName: 'sim0', family: 4, address, loopback: false }],
      interfaceMtu: async () => undefined,
      cutPackets: async () => undefined,
      resolveHost: async (name) => name,
    };
  }

  listen(endpoint: Endpoint, accept: Accept): void {
    this.listeners.set(formatEndpoint(endpoint), accept);
  }

  /** Lets `ms` pass, and everything that follows from it: timers in their order, promises after each. */
  run(ms: number): Promise<void> {
    return pass(this.time, ms);
  }

  private openDatagramPort(address: string, options: DatagramPortOptions): DatagramPort {
    if (options.family !== 4) throw new Error('the simulated hosts have IPv4 only');
    const local = { address, port: options.port || this.nextPort++ };
    const name = formatEndpoint(local);
    if (this.sockets.has(name)) throw new Error(`${name} is in use`);
    this.sockets.set(name, options);
    return {
      family: 4,
      local,
      send: (datagram, to) => this.send(datagram.slice(), local, to),
      close: () => this.sockets.delete(name),
    };
  }

  private send(datagram: Uint8Array, from: Endpoint, to: Endpoint): void {
    if (this.drop(datagram, from, to)) return;
    this.later(() => this.sockets.get(formatEndpoint(to))?.onDatagram(datagram, from));
  }

  private connect(from: Endpoint, to: Endpoint, near: StreamPortOptions): StreamPort {
    const accept = this.listeners.get(formatEndpoint(to));
    let far: StreamPortOptions | undefined;
    let closed = false;
    const close = (): void => {
      if (closed) return;
      closed = true;
      this.later(() => near.onClose());
      this.later(() => far?.onClose());
    };
    const farPort: StreamPort = {
      queuedBytes: 0,
      write: (bytes) => this.later(() => !closed && near.onBytes(bytes)),
      close,
    };
    this.later(() => {
      if (!accept) return near.onClose(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
      far = accept(farPort, from);
      far.onConnect();
      this.later(() => near.onConnect());
    });
    return { queuedBytes: 0, write: (bytes) => this.later(() => !closed && far?.onBytes(bytes)), close };
  }

  private later(fire: () => void): void {
    this.time.schedule(this.options.latencyMs, fire);
  }
}
