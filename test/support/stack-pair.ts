/** Two virtual stacks joined by a wire with delay and loss, on a virtual clock: `alice` and `bob`. */
import { Stack } from '../../core/packet/stack/stack';
import type { InboundPolicy, TcpConnection, TcpEvents } from '../../core/packet/stack/stack-contract';
import { SeededRandom, VirtualTime } from './virtual-time';

export const aliceAddresses = { ipv4: '198.18.0.1', ipv6: 'fd00::a' };
export const bobAddresses = { ipv4: '198.18.0.2', ipv6: 'fd00::b' };

export class StackPair {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly alice: Stack;
  readonly bob: Stack;
  /** Packets per direction are lost with this probability. */
  loss = 0;
  /** Packets per direction arrive twice with this probability. */
  duplication = 0;
  /** Packets are held up with this probability, by up to so many milliseconds, and so are overtaken. */
  jitter = { probability: 0, upToMs: 5 };
  /** Assertions of lwIP that failed. */
  readonly faults: string[] = [];
  /** Packets that a full queue refused. */
  overflows = 0;
  /** Larger packets are lost, both ways. */
  largest = Infinity;
  /** Packets for which this is true are lost on the way to bob. */
  lose: (packet: Uint8Array) => boolean = () => false;
  loseToAlice: (packet: Uint8Array) => boolean = () => false;
  /** One way, of what is sent from now on. */
  delayMs: number;
  /** Packets that go this way; filled when set to an array. */
  toAlice: Uint8Array[] | undefined;
  toBob: Uint8Array[] | undefined;

  /** `queue`: each direction passes so many packets a millisecond, and holds so many that wait for it. */
  constructor({
    seed = 1,
    delayMs = 5,
    mtu = 1380,
    configured = true,
    queue = { packets: Infinity, perMs: Infinity },
    inboundOfBob = undefined as InboundPolicy | undefined,
  } = {}) {
    this.random = new SeededRandom(seed);
    this.delayMs = delayMs;
    const { time } = this;
    const wire = (to: () => Stack, tap: () => Uint8Array[] | undefined) => {
      let freeMs = 0;
      return (packet: Uint8Array) => {
        const copy = packet.slice();
        tap()?.push(copy);
        const waitMs = Math.max(0, freeMs - time.now());
        if (waitMs * queue.perMs >= queue.packets) return void this.overflows++;
        freeMs = time.now() + waitMs + 1 / queue.perMs;
        if (copy.length > this.largest || this.random.chance(this.loss)) return;
        if (to() === this.bob ? this.lose(copy) : this.loseToAlice(copy)) return;
        const { delayMs } = this;
        const heldMs = this.random.chance(this.jitter.probability)
          ? this.random.below(this.jitter.upToMs * 1000) / 1000
          : 0;
        time.schedule(waitMs + delayMs + heldMs, () => to().input(copy));
        if (this.random.chance(this.duplication)) time.schedule(waitMs + delayMs, () => to().input(copy));
      };
    };
    const ports = (n: number) => ({
      ...{ clock: time, timers: time, random: new SeededRandom(seed + n) },
      onFault: (assertion: string) => this.faults.push(assertion),
    });
    this.alice = new Stack({
      ...ports(1),
      output: wire(
        () => this.bob,
        () => this.toBob,
      ),
    });
    this.bob = new Stack({
      ...ports(2),
      ...(inboundOfBob && { inbound: inboundOfBob }),
      output: wire(
        () => this.alice,
        () => this.toAlice,
      ),
    });
    if (!configured) return;
    this.alice.configure(aliceAddresses, mtu);
    this.bob.configure(bobAddresses, mtu);
  }

  /** Both are told of the MTU of the path between them. */
  setPathMtu(mtu: number): void {
    for (const address of Object.values(bobAddresses)) this.alice.setPathMtu(address, mtu);
    for (const address of Object.values(aliceAddresses)) this.bob.setPathMtu(address, mtu);
  }

  /** A connection from alice to bob, established. */
  connect(address = bobAddresses.ipv4): { client: Peer; server: Peer } {
    const client = new Peer();
    const server = new Peer();
    const listener = this.bob.listenTcp({ address: '::', port: 0, backlog: 128 }, (connection) => {
      server.attach(connection);
    });
    const remote = { address, port: listener.local.port };
    client.attach(this.alice.connectTcp({ remote }, client));
    this.time.runUntil(() => client.seen('connected') && server.attached, 10_000);
    listener.close();
    return { client, server };
  }
}

/** An owner that remembers what it was told. */
export class Peer implements TcpEvents {
  connection!: TcpConnection;
  readonly events: string[] = [];
  readonly chunks: Buffer[] = [];
  receivedLength = 0;
  /** Whether received bytes are kept in `chunks`. */
  keeping = true;
  /** Whether received bytes are given back at once. */
  consuming = true;
  onReceived: ((bytes: Uint8Array) => void) | undefined;
  onDrained: (() => void) | undefined;
  onEnded: (() => void) | undefined;

  attach(connection: TcpConnection): this {
    this.connection = connection;
    connection.setEvents(this);
    return this;
  }

  get attached(): boolean {
    return this.connection !== undefined;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  seen(event: string): boolean {
    return this.events.includes(event);
  }

  /** Writes all of it, as the send buffer drains, then shuts down if wanted. */
  send(bytes: Uint8Array, { shutdown = false } = {}): void {
    let at = 0;
    const step = () => {
      at += this.connection.write(bytes.subarray(at));
      if (at < bytes.length) return;
      this.onDrained = undefined;
      if (shutdown) this.connection.shutdown();
    };
    this.onDrained = step;
    step();
  }

  connected(): void {
    this.events.push('connected');
  }

  received(bytes: Uint8Array): void {
    this.receivedLength += bytes.length;
    if (this.keeping) this.chunks.push(Buffer.from(bytes));
    this.onReceived?.(bytes);
    if (this.consuming) this.connection.consumed(bytes.length);
  }

  ended(): void {
    this.events.push('ended');
    this.onEnded?.();
  }

  drained(): void {
    this.onDrained?.();
  }

  failed(reason: string): void {
    this.events.push(reason);
  }

  closed(): void {
    this.events.push('closed');
  }
}
