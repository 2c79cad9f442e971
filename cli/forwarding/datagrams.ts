/**
 * Carries the datagrams of one rule. UDP has no connections: what one sender sends and is answered is a flow.
 *
 *   in    virtual socket on the port  <-> for each sender a socket of the host, connected to the server
 *   out   host's socket on the port   <-> for each sender a virtual socket, connected to the name's node
 *
 * So a server tells senders apart by their ports, and an answer finds its way back. A flow ends when nothing has gone
 * either way for five minutes, or when it is the least recently used of too many.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import type { UdpSocket } from '../../core/packet/stack/stack-contract';
import type { Clock, Timer, Timers } from '../../core/runtime';
import type { VirtualNetwork } from '../../core/virtual-network';
import type { Endpoint } from '../../core/wire/addresses';
import { Outlet } from './outlet';
import type { RuleCounts } from './forwarder';
import type { InRule, OutRule, Rule } from './rules';
import type { SpliceFailure } from '../../core/splice';

/** What RFC 4787 recommends to NATs (REQ-5). */
export const IDLE_MS = 300_000;
/** Of one rule; each has a socket of its own. */
const MOST_FLOWS = 1_024;

export interface DatagramOptions {
  readonly network: VirtualNetwork;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counts: RuleCounts;
  onFailure(failure: SpliceFailure): void;
  readonly mostFlows?: number;
}

/** One sender, on the side that listens. */
interface Flow {
  readonly key: string;
  readonly outlet: Outlet;
  lastUsedMs: number;
  close(): void;
}

export class DatagramForward {
  /** The least recently used first. */
  readonly #flows = new Map<string, Flow>();
  #timer: Timer | undefined;
  #listener: { close(): void } | undefined;
  #isClosed = false;

  private constructor(private readonly options: DatagramOptions) {}

  /** Rejects when the port cannot be had. Gives where it listens in truth. */
  static async open(rule: Rule, options: DatagramOptions): Promise<{ forward: DatagramForward; listening: Endpoint }> {
    const forward = new DatagramForward(options);
    const listening = rule.way === 'in' ? forward.#listenInside(rule) : await forward.#listenOutside(rule);
    return { forward, listening };
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#listener?.close();
    for (const flow of this.#flows.values()) this.#end(flow);
  }

  #listenInside({ port, to }: InRule): Endpoint {
    const received = (bytes: Uint8Array, from: Endpoint): void => {
      const flow = this.#flowOf(from) ?? this.#toHost(from, to, virtual);
      this.options.counts.bytesIn += bytes.length;
      flow.outlet.send(bytes);
    };
    // What is sent back from the port is not connected to anyone, and so nobody hears that it did not arrive.
    const virtual = this.options.network.openUdp({ address: '::', port }, { received, failed: () => {} });
    this.#listener = virtual;
    return virtual.local;
  }

  async #listenOutside({ listen, to }: OutRule): Promise<Endpoint> {
    const host = createSocket(typeOf(listen.address));
    const bound = once(host, 'listening');
    host.bind({ ...listen, exclusive: true });
    await bound;
    host.on('error', (error) => this.#failed('host', error));
    host.on('message', (bytes, { address, port }) => {
      const from = { address, port };
      const flow = this.#flowOf(from) ?? this.#toVirtual(from, to, host);
      this.options.counts.bytesOut += bytes.length;
      flow.outlet.send(bytes);
    });
    this.#listener = host;
    return host.address();
  }

  /** From the network to the server of an --in rule; its answers leave by `virtual`. */
  #toHost(from: Endpoint, to: Endpoint, virtual: UdpSocket): Flow {
    const { network, counts } = this.options;
    let socket: Socket | undefined;
    let isOpen = false;
    const back = new Outlet({
      way: () => network.reach(from.address, 'perhaps silent'),
      send: (bytes) => this.#sent('virtual', virtual.send(bytes, from)),
      onLost: (error) => this.#failed('virtual', error),
    });
    const open = async (): Promise<void> => {
      const { address } = await lookup(to.address);
      if (!this.#flows.has(flow.key)) return; // it ended meanwhile
      socket = createSocket(typeOf(address));
      const connected = once(socket, 'connect');
      socket.connect(to.port, address);
      await connected;
      isOpen = true;
      // Nobody listens there: what Linux tells of what was sent. The server may come back, so the flow stays.
      socket.on('error', (error) => this.#failed('host', error));
      socket.on('message', (bytes) => {
        this.#touch(flow);
        counts.bytesOut += bytes.length;
        back.send(bytes);
      });
    };
    const flow = this.#add(from, {
      way: () => (isOpen ? undefined : open()),
      send: (bytes) => socket!.send(bytes),
      onLost: (error) => this.#lost('host', flow, error),
      close: () => socket?.close(),
    });
    return flow;
  }

  /** From the port of an --out rule to a name; what it answers leaves by `host`. */
  #toVirtual(from: Endpoint, to: Endpoint, host: Socket): Flow {
    const { network, counts } = this.options;
    let socket: UdpSocket | undefined;
    let remote = to.address;
    const received = (bytes: Uint8Array): void => {
      this.#touch(flow);
      counts.bytesIn += bytes.length;
      host.send(bytes, from.port, from.address);
    };
    const failed = (code: string): void => this.#sent('virtual', code);
    const open = async (): Promise<void> => {
      if (!network.isVirtualAddress(remote)) remote = (await network.lookup(remote)).ipv4;
      await network.reach(remote, 'perhaps silent');
      if (!this.#flows.has(flow.key)) return; // it ended meanwhile
      socket = network.openUdp({ address: remote.includes(':') ? '::' : '0.0.0.0', port: 0 }, { received, failed });
      socket.connect({ address: remote, port: to.port });
    };
    const flow = this.#add(from, {
      way: () => (socket ? network.reach(remote, 'perhaps silent') : open()),
      send: (bytes) => this.#sent('virtual', socket!.send(bytes)),
      onLost: (error) => this.#lost('virtual', flow, error),
      close: () => socket?.close(),
    });
    return flow;
  }

  #flowOf(from: Endpoint): Flow | undefined {
    const flow = this.#flows.get(keyOf(from));
    if (flow) this.#touch(flow);
    return flow;
  }

  #add(from: Endpoint, { close, ...ways }: ConstructorParameters<typeof Outlet>[0] & Pick<Flow, 'close'>): Flow {
    const { counts, clock, mostFlows = MOST_FLOWS } = this.options;
    if (this.#flows.size >= mostFlows) {
      this.#end(this.#flows.values().next().value!);
      this.#failed('host', Object.assign(new Error(`more than ${mostFlows} flows at once`), { code: 'TOO_MANY' }));
    }
    const flow = { key: keyOf(from), outlet: new Outlet(ways), lastUsedMs: clock.now(), close };
    this.#flows.set(flow.key, flow);
    counts.accepted++;
    counts.open++;
    if (!this.#timer) this.#sweepAfter(IDLE_MS);
    return flow;
  }

  #touch(flow: Flow): void {
    flow.lastUsedMs = this.options.clock.now();
    if (this.#flows.delete(flow.key)) this.#flows.set(flow.key, flow);
  }

  #end(flow: Flow): void {
    if (this.#flows.get(flow.key) !== flow) return;
    this.#flows.delete(flow.key);
    this.options.counts.open--;
    flow.outlet.close();
    flow.close();
  }

  #sweepAfter(delayMs: number): void {
    this.#timer = this.options.timers.schedule(delayMs, () => {
      this.#timer = undefined;
      const now = this.options.clock.now();
      for (const flow of this.#flows.values()) {
        const leftMs = flow.lastUsedMs + IDLE_MS - now;
        if (leftMs > 0) return this.#sweepAfter(leftMs);
        this.#end(flow);
      }
    });
  }

  /** There is no way: the next datagram begins anew, and asks for the name again. */
  #lost(side: SpliceFailure['side'], flow: Flow, error: Error): void {
    this.#failed(side, error);
    if ((error as NodeJS.ErrnoException).code !== 'ENOBUFS') this.#end(flow);
  }

  #sent(side: SpliceFailure['side'], code: string | undefined): void {
    if (code) this.#failed(side, Object.assign(new Error(`virtual datagram: ${code}`), { code }));
  }

  #failed(side: SpliceFailure['side'], error: Error): void {
    if (!this.#isClosed) this.options.onFailure({ side, error });
  }
}

const typeOf = (address: string): 'udp4' | 'udp6' => (address.includes(':') ? 'udp6' : 'udp4');
const keyOf = ({ address, port }: Endpoint): string => `${address} ${port}`;
