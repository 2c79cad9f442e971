/**
 * Nodes as programs have them, with their stack and tunnels, in a ServerWorld on virtual time.
 *
 *   const alice = new WorldNode(world, 'alice', { address: '203.0.113.1', port: 4001 }, 'relay');
 */
import { Namespace } from '../../core/namespace';
import { Node } from '../../core/node';
import type { TcpConnection, TcpEvents } from '../../core/packet/stack/stack-contract';
import type { DatagramPortOptions, Runtime } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { settle } from './memory-datagrams';
import { ports, type ServerWorld, ZONE } from './server-world';
import { SeededRandom } from './virtual-time';

export class WorldNode {
  readonly node: Node;
  readonly failures: Error[] = [];

  constructor(
    private readonly world: ServerWorld,
    readonly account: string,
    private readonly local: Endpoint,
    route: 'auto' | 'relay' | 'direct' = 'auto',
    private readonly zone = ZONE,
  ) {
    const namespace = new Namespace(() => new Set());
    const { as } = world.identities;
    this.node = new Node({
      runtime: this.runtime(),
      trace: world.clockPorts.trace,
      config: {
        accountServer: { host: ports.as.address, port: ports.as.port, publicKey: as.publicKey, zone: ZONE },
        ...{ account, node: null, password: () => 'right', byJoinKey: false, route, allow: undefined },
      },
      secretKey: world.random.bytes(32),
      namespace,
      onNetwork: () => {},
      onFailed: (error) => this.failures.push(error),
      onStackFault: (assertion) => this.failures.push(new Error(assertion)),
    });
  }

  get fqdn(): string {
    return `${this.account}.${this.zone}`;
  }

  async join(): Promise<void> {
    await settle(this.world.time, this.node.whenJoined());
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

  private runtime(): Runtime {
    const { world, local } = this;
    return {
      clock: world.time,
      timers: world.time,
      random: new SeededRandom(local.port),
      openDatagramPort: async ({ family, onDatagram }: DatagramPortOptions) => {
        if (family === 6) throw new Error('no IPv6 here');
        const transmit = world.network.attach(local, onDatagram);
        return { family: 4, local, send: transmit, close: () => world.network.detach(local) };
      },
      openStreamPort: (to, { onConnect, onBytes, onClose }) => {
        const stream = world.connectStream(onBytes, onClose, local.address, to);
        world.time.schedule(1, () => (stream ? onConnect() : onClose()));
        return { write: (bytes) => stream?.write(bytes), close: () => stream?.close() };
      },
      hostAddresses: () => [{ interfaceName: 'eth0', family: 4, address: local.address, loopback: false }],
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
