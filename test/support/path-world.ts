/**
 * Two nodes with a tunnel through a relay, and each behind a NAT or none: their packet modules and the paths of their
 * tunnels (core/packet/paths), on virtual time.
 */
import { PacketModule, Paths } from '../../core/packet/packet-module';
import type { Path, RelayPath, Via } from '../../core/packet/path';
import type { Tunnel } from '../../core/packet/wireguard/tunnel';
import type { Endpoint } from '../../core/wire/addresses';
import { EventLoop } from './event-loop';
import { NatNetwork, type Nat, type NatKind } from './nat-network';
import { flush } from './memory-datagrams';
import { ipv4Packet } from './tunnel-pair';
import { SeededRandom, VirtualTime } from './virtual-time';

const RELAY = { address: '192.0.2.9', port: 3478 };
const SERVER = { address: '192.0.2.8', port: 4000 };

export interface Node {
  readonly name: 'a' | 'b';
  readonly module: PacketModule;
  readonly paths: Paths;
  readonly loop: EventLoop;
  readonly local: Endpoint;
  readonly nat: Nat | undefined;
  readonly address: string;
  tunnel: Tunnel;
  readonly received: string[];
  /** Where the tunnel went, with times in milliseconds. */
  readonly ways: { readonly way: string; readonly atMs: number }[];
  stuck: number;
  /** Times that packets began to take another path as well. */
  doubts: number;
  /** And ceased to. */
  believes: number;
  /** Moves that were heard of: that its own was, or the peer's. */
  readonly known: string[];
  /** Its sockets on other interfaces. */
  vias: readonly Via[];
  /** Where a server sees them. */
  readonly outside: Map<Via, Endpoint>;
  /** By which it is bound at the relay; undefined: by its own. */
  relayBy: Via | undefined;
  relayHeardMs: number;
}

export class PathWorld {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly network: NatNetwork;
  readonly a: Node;
  readonly b: Node;
  relayLatencyMs = 15;
  relayWorks = true;
  /** Through the relay. */
  relayed = 0;
  /** Questions to it. */
  asked = 0;
  /** Sockets beside the tunnels' own that are open. */
  open = 0;
  private nextPort = 20_000;
  private nextHost = 20;

  constructor(seed: number, natOfA?: NatKind, natOfB?: NatKind) {
    this.random = new SeededRandom(seed);
    this.network = new NatNetwork(this.time, this.random);
    this.a = this.node('a', natOfA);
    this.b = this.node('b', natOfB);
    // The observed endpoints are those of a time before: the NAT has them in its table.
    for (const [self, other] of [this.pair(), this.pair().toReversed() as [Node, Node]]) {
      self.tunnel = self.module.setTunnel({
        ...{ fqdn: `${other.name}.test`, publicKey: other.module.publicKey, presharedKey: new Uint8Array(32) },
        virtualAddresses: { ipv4: other.address, ipv6: `fd00::${other.name}` },
        path: this.relayOf(self),
      });
      self.paths.introduce(self.tunnel, {
        ...{ endpoints: this.endpointsOf(other), relay: this.relayOf(self), mapping: mappingOf(other) },
      });
    }
  }

  /** The DC tells each where the other was seen, and of its interface. */
  endpointsOf({ nat, local }: Node): Endpoint[] {
    const observed = NatNetwork.observed(nat, local, SERVER);
    return nat ? [observed, local] : [observed];
  }

  /** Constructs the tunnel through the relay. */
  establish(): void {
    this.a.tunnel.requestTunnel();
    this.time.runUntil(() => this.pair().every(({ tunnel }) => tunnel.state === 'established'), 5_000);
  }

  /** Each sends a numbered packet to the other every `everyMs`; returns those that did not arrive. */
  talk(forMs: number, everyMs = 20): string[] {
    const talking = this.talking(forMs, everyMs);
    for (;;) {
      const { done, value } = talking.next();
      if (done) return value;
    }
  }

  /** The same where servers are asked meanwhile. */
  async talkAndAsk(forMs: number, everyMs = 20): Promise<string[]> {
    const talking = this.talking(forMs, everyMs);
    for (;;) {
      const { done, value } = talking.next();
      if (done) return value;
      await flush();
    }
  }

  private *talking(forMs: number, everyMs: number): Generator<void, string[], void> {
    const sent: [Node, string][] = [];
    const untilMs = this.time.now() + forMs;
    while (this.time.now() < untilMs) {
      for (const [self, other] of [[this.a, this.b] as const, [this.b, this.a] as const]) {
        const text = `${self.name} ${this.time.now()}`;
        self.module.encapsulate(ipv4Packet(self.address, other.address, text));
        sent.push([other, text]);
      }
      this.time.advance(everyMs);
      yield;
    }
    this.time.advance(200);
    return sent.filter(([receiver, text]) => !receiver.received.includes(text)).map(([, text]) => text);
  }

  /** Packets to the other, all at once. */
  say(name: 'a' | 'b', count: number): void {
    const [self, other] = name === 'a' ? [this.a, this.b] : [this.b, this.a];
    for (let i = 0; i < count; i++)
      self.module.encapsulate(ipv4Packet(self.address, other.address, `${name} says ${i}`));
  }

  get ways(): string[] {
    return this.pair().map(({ tunnel }) => tunnel.path.kind);
  }

  /** Its host is in another network, behind a NAT or none, and it has noticed. */
  move(name: 'a' | 'b', kind?: NatKind): void {
    const node = this[name] as { -readonly [K in keyof Node]: Node[K] } & { send: unknown };
    this.network.remove(node.local);
    const number = this.nextHost++;
    node.nat = kind && this.network.nat(`198.51.100.${number}`, kind);
    node.local = { address: node.nat ? `10.0.${number}.10` : `203.0.113.${number}`, port: node.local.port };
    node.send = this.host(node.loop, node.local, node.nat, (datagram, endpoint) =>
      node.module.receive(datagram, { kind: 'direct', endpoint }),
    );
    node.known.length = 0;
    node.paths.hostMoved();
  }

  /** It has another interface, which its packets do not leave by; by this network's standards at `address`. */
  standBy(name: 'a' | 'b', address: string, kind?: NatKind): void {
    const node = this[name];
    const nat = kind && this.network.nat(address, kind);
    const local = { address: nat ? '10.0.0.10' : address, port: this.nextPort++ };
    const receive = (datagram: Uint8Array, endpoint: Endpoint): void =>
      node.module.receive(datagram, { kind: 'direct', endpoint, via });
    const send = this.host(node.loop, local, nat, receive);
    const via: Via = { address: local.address, send, close: () => this.network.remove(local) };
    node.vias = [via];
    node.outside.set(via, NatNetwork.observed(nat, local, SERVER));
  }

  close(): void {
    for (const { module } of this.pair()) module.close();
  }

  private pair(): [Node, Node] {
    return [this.a, this.b];
  }

  private relayOf(node: Node): RelayPath {
    return node === this.a ? this.relayPaths.a : this.relayPaths.b;
  }

  readonly relayPaths = {
    a: { kind: 'relay', endpoint: RELAY, pathId: new Uint8Array(8).fill(1) },
    b: { kind: 'relay', endpoint: RELAY, pathId: new Uint8Array(8).fill(1) },
  } as const;

  private node(name: 'a' | 'b', kind: NatKind | undefined): Node {
    const number = name === 'a' ? 1 : 2;
    const nat = kind && this.network.nat(`198.51.100.${number}`, kind);
    const local = { address: nat ? '192.168.0.10' : `203.0.113.${number}`, port: 4_000 + number };
    const received: string[] = [];
    const ways: Node['ways'] = [];
    const { time, random } = this;
    const loop = new EventLoop(time);
    const module = new PacketModule({
      ...{ clock: time, timers: loop, random, privateKey: random.bytes(32) },
      transmit: (datagram, path) => this.transmit(name, datagram, path),
      deliver: (packet) => received.push(Buffer.from(packet.subarray(20)).toString()),
      onSent: (tunnel, nowMs) => paths.sent(tunnel, nowMs),
      onControl: (control, tunnel, from) => paths.receive(control, tunnel, from),
      follows: (tunnel, from) => paths.follows(tunnel, from),
      onClosed: (tunnel) => paths.end(tunnel),
      onEvent: (event) => {
        if (event.kind === 'established') paths.established(event.tunnel);
        if (event.kind !== 'roamed') return;
        ways.push({ way: event.tunnel.path.kind, atMs: time.now() });
        paths.roamed(event.tunnel);
      },
    });
    const paths: Paths = new Paths(module.publicKey, {
      ...{ clock: time, timers: loop, random },
      mapping: () => kind?.mapping,
      standbys: {
        vias: (family) => (family === 4 ? node.vias : []),
        isOpen: (via) => node.vias.includes(via),
        outside: async (via) => node.outside.get(via),
        ask: (_, via) => this.ask(via),
      },
      relays: {
        heardMs: () => node.relayHeardMs,
        call: () => this.relayWorks && !node.relayBy && (node.relayHeardMs = time.now()),
        reachBy: (_, via) => (node.relayBy = via),
      },
      openPort: async () => this.openPort(node, module),
      onStuck: () => void node.stuck++,
      onMoveKnown: (_, whose) => void node.known.push(whose),
      onDoubt: (_, is) => void (is === 'begun' ? node.doubts++ : node.believes++),
      onFigure8() {},
    });
    const send = this.host(loop, local, nat, (datagram, endpoint) =>
      module.receive(datagram, { kind: 'direct', endpoint }),
    );
    const node = {
      ...{ name, module, paths, loop, local, nat, received, ways, send, stuck: 0, doubts: 0, believes: 0 },
      known: [] as string[],
      vias: [] as readonly Via[],
      outside: new Map<Via, Endpoint>(),
      relayBy: undefined as Via | undefined,
      relayHeardMs: -Infinity,
      address: `198.18.0.${number}`,
      tunnel: undefined as unknown as Tunnel, // made when both are there
    };
    return node;
  }

  /** One more socket of this host, behind the same NAT. */
  private openPort({ loop, local, nat }: Node, module: PacketModule): Via {
    const port = { address: local.address, port: this.nextPort++ };
    this.open += 1;
    const via: Via = {
      send: this.host(loop, port, nat, (datagram, endpoint) =>
        module.receive(datagram, { kind: 'direct', endpoint, via }),
      ),
      close: () => {
        this.open -= 1;
        this.network.remove(port);
      },
    };
    return via;
  }

  private host(
    loop: EventLoop,
    local: Endpoint,
    nat: Nat | undefined,
    receive: (datagram: Uint8Array, from: Endpoint) => void,
  ): (datagram: Uint8Array, to: Endpoint) => void {
    return this.network.host(local, nat, (datagram, from) => {
      const copy = datagram.slice();
      loop.read(() => receive(copy, from));
    });
  }

  private transmit(name: 'a' | 'b', datagram: Uint8Array, path: Path): void {
    const self = this[name] as Node & { send(datagram: Uint8Array, to: Endpoint): void };
    if (path.kind === 'direct') return (path.via?.send ?? self.send)(datagram, path.endpoint);
    const other = name === 'a' ? this.b : this.a;
    if (![self, other].every((node) => this.isRelayed(node))) return;
    this.relayed += 1;
    const copy = datagram.slice();
    this.time.schedule(this.relayLatencyMs, () => {
      other.relayHeardMs = this.time.now();
      other.module.receive(copy, this.relayOf(other));
    });
  }

  /** Whether what is sent between it and the relay arrives. */
  private isRelayed({ relayBy }: Node): boolean {
    return relayBy ? this.isAnswered(relayBy) : this.relayWorks || this.pair().some((node) => node.relayBy);
  }

  private isAnswered({ address = '' }: Via): boolean {
    return !this.network.lose({ address, port: 0 }, RELAY);
  }

  private ask(via: Via | undefined): Promise<number | undefined> {
    this.asked += 1;
    const [rttMs, limitMs] = [2 * this.relayLatencyMs, 1_200];
    const isAnswered = via ? this.isAnswered(via) : this.relayWorks;
    return new Promise((resolve) => {
      this.time.schedule(isAnswered ? rttMs : limitMs, () => resolve(isAnswered ? rttMs : undefined));
    });
  }
}

function mappingOf({ nat }: Node): NatKind['mapping'] | undefined {
  return nat?.kind.mapping;
}
