/**
 * Nodes as programs have them, with their stack and tunnels, in a ServerWorld on virtual time.
 *
 *   const alice = new WorldNode(world, 'alice', { address: '203.0.113.1', port: 4001 }, 'relay');
 */
import assert from 'node:assert/strict';
import { TakenInMemory, type TakenItems } from '../../core/cache/contract';
import { Namespace } from '../../core/namespace';
import { Node } from '../../core/node';
import type { NodeOptions } from '../../core/node-options';
import type { TcpConnection, TcpEvents } from '../../core/packet/stack/stack-contract';
import type { DatagramPort, DatagramPortOptions, Runtime } from '../../core/runtime';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { pass, settle } from './memory-datagrams';
import { ports, type ServerWorld, ZONE } from './server-world';
import { SeededRandom } from './virtual-time';

export class WorldNode {
  readonly node: Node;
  readonly failures: Error[] = [];
  /** The addresses that its TCP connections were made from. */
  readonly streamsFrom: string[] = [];
  /** Of another interface, which only what is sent from its address leaves by. */
  private other: Endpoint | undefined;
  private receive: ((datagram: Uint8Array, from: Endpoint) => void) | undefined;
  private transmit: (datagram: Uint8Array, to: Endpoint) => void = () => {};

  constructor(
    readonly world: ServerWorld,
    readonly account: string,
    private local: Endpoint,
    route: 'auto' | 'relay' | 'direct' = 'auto',
    private readonly zone = ZONE,
    /** Of its interface; another one than `local` behind a NAT. */
    private hostAddress = local.address,
    /** What a process of this node keeps on its disk: the next one has it too. */
    readonly kept: { readonly secretKey: Uint8Array; readonly taken: TakenItems } = {
      secretKey: world.random.bytes(32),
      taken: new TakenInMemory(),
    },
    settings: Partial<NodeOptions['config']> = {},
  ) {
    const namespace = new Namespace(() => new Set());
    const { as } = world.identities;
    this.node = new Node({
      runtime: this.runtime(),
      trace: world.clockPorts.trace,
      config: {
        accountServer: { host: ports.as.address, port: ports.as.port, publicKey: as.publicKey, zone: ZONE },
        ...{ account, node: null, password: () => 'right', route, allow: undefined },
        ...settings,
      },
      ...kept,
      namespace,
      onNetwork: () => {},
      onFailed: (error) => this.failures.push(error),
      onStackFault: (assertion) => this.failures.push(new Error(assertion)),
    });
  }

  /** The process ends, and another one of this node starts, which has not joined yet. */
  restarted(settings: Partial<NodeOptions['config']> = {}): WorldNode {
    this.node.close();
    return new WorldNode(this.world, this.account, this.local, 'auto', this.zone, undefined, this.kept, settings);
  }

  get fqdn(): string {
    return `${this.account}.${this.zone}`;
  }

  async join(): Promise<void> {
    await settle(this.world.time, this.node.whenJoined());
  }

  /** Its host is in another network, where others see it at `to`; with another address of its own, behind a NAT. */
  move(to: Endpoint, hostAddress = to.address): void {
    this.world.network.detach(this.local);
    this.local = to;
    this.hostAddress = hostAddress;
    this.transmit = this.attach(this.receive!);
  }

  /** Its host has another interface, with this address; the node's socket there gets this port. */
  addInterface(other: Endpoint): void {
    this.other = other;
  }

  /** Echoes whatever comes to this port. */
  echo(port: number): void {
    this.node.listenTcp({ address: '0.0.0.0', port, backlog: 5 }, (connection) => {
      let rest = Buffer.alloc(0);
      const flush = (): void => {
        const length = connection.write(rest);
        connection.consumed(length);
        rest = rest.subarray(length);
      };
      connection.setEvents({
        ...nothingHappens,
        received(bytes) {
          rest = Buffer.concat([rest, bytes]);
          flush();
        },
        drained: flush,
        ended: () => connection.shutdown(),
      });
    });
  }

  /** Looks the name up, constructs the tunnel, connects. */
  async connect(to: WorldNode, port: number): Promise<Dialog> {
    const { time } = this.world;
    const { ipv4 } = await settle(time, this.node.lookup(to.fqdn));
    const reach = this.node.reach(ipv4);
    if (reach) await settle(time, reach);
    const dialog = new Dialog();
    dialog.open((events) => this.node.connectTcp({ remote: { address: ipv4, port } }, events));
    await settle(time, dialog.connected);
    return dialog;
  }

  private attach(receive: (datagram: Uint8Array, from: Endpoint) => void): WorldNode['transmit'] {
    const { network } = this.world;
    if (this.hostAddress !== this.local.address) network.behindNats.add(formatEndpoint(this.local));
    return network.attach(this.local, receive);
  }

  private portAt(address: string, onDatagram: DatagramPortOptions['onDatagram']): DatagramPort {
    const { other, world } = this;
    if (other?.address !== address) throw new Error('no such address here');
    const send = world.network.attach(other, onDatagram);
    return { family: 4, local: other, send, close: () => world.network.detach(other) };
  }

  private runtime(): Runtime {
    const { world, local } = this;
    return {
      clock: world.time,
      timers: world.time,
      random: new SeededRandom(local.port),
      openDatagramPort: async ({ family, address, onDatagram }: DatagramPortOptions) => {
        if (family === 6) throw new Error('no IPv6 here');
        if (address !== undefined) return this.portAt(address, onDatagram);
        this.receive = onDatagram;
        this.transmit = this.attach(onDatagram);
        const send = (datagram: Uint8Array, to: Endpoint): void => this.transmit(datagram, to);
        return { family: 4, local, send, close: () => world.network.detach(this.local) };
      },
      openStreamPort: (to, { localAddress = this.local.address, onConnect, onBytes, onClose }) => {
        this.streamsFrom.push(localAddress);
        const stream = world.connectStream(onBytes, onClose, localAddress, to);
        world.time.schedule(1, () => (stream ? onConnect() : onClose()));
        return { queuedBytes: 0, write: (bytes) => stream?.write(bytes), close: () => stream?.close() };
      },
      hostAddresses: () => [
        { interfaceName: 'eth0', family: 4, address: this.hostAddress, loopback: false },
        ...(this.other
          ? [{ interfaceName: 'eth1', family: 4 as const, address: this.other.address, loopback: false }]
          : []),
      ],
      defaultRoutes: () => ['eth0 gateway 0', ...(this.other ? ['eth1 gateway 600'] : [])].join(', '),
      sourceAddress: async () => this.hostAddress,
      interfaceMtu: async () => 1_500,
      cutPackets: async () => undefined,
      resolveHost: async (name) => name,
    };
  }
}

const nothingHappens: TcpEvents = {
  connected() {},
  received() {},
  ended() {},
  drained() {},
  failed() {},
  closed() {},
};

/** One side of a TCP connection. */
export class Dialog {
  readonly received: Buffer[] = [];
  failure: string | undefined;
  connection!: TcpConnection;
  private isConnected!: () => void;
  private refuse!: (error: Error) => void;
  readonly connected = new Promise<void>((resolve, reject) => {
    this.isConnected = resolve;
    this.refuse = reject;
  });

  open(connect: (events: TcpEvents) => TcpConnection): void {
    this.connection = connect({
      ...nothingHappens,
      connected: () => this.isConnected(),
      received: (bytes) => {
        this.received.push(Buffer.from(bytes));
        this.connection.consumed(bytes.length);
      },
      failed: (reason) => {
        this.failure = reason;
        this.refuse(new Error(reason));
      },
    });
  }

  get text(): string {
    return Buffer.concat(this.received).toString('latin1');
  }

  say(text: string): void {
    this.connection.write(Buffer.from(text, 'latin1'));
  }
}

/** An echo at the other end answers what is said, and the connection goes on. */
export async function isAnsweredIn(world: ServerWorld, dialog: Dialog, text: string, withinMs: number): Promise<void> {
  const { length } = dialog.text;
  dialog.say(text);
  await pass(world.time, withinMs);
  assert.equal(dialog.failure, undefined);
  assert.equal(dialog.text.slice(length), text);
}

/** All of them end, and leave no timer. */
export async function closeWorld(world: ServerWorld, ...nodes: readonly WorldNode[]): Promise<void> {
  for (const { node } of nodes) node.close();
  world.close();
  await pass(world.time, 10_000);
  assert.equal(world.time.pendingCount, 0, 'no timer is left');
}
