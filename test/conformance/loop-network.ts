/**
 * A VirtualNetwork for Node's own tests: this process's loopback and wildcard addresses are virtual, and what is sent
 * to them passes twice through lwIP and once through a tunnel, between two UDP sockets of the host's loopback interface.
 *
 *   stack (own address A) -- A to B --> seal -> UDP socket ~~> UDP socket -> open -- B to A --> stack
 *
 * A stack hands on to itself what is for its own address, so connections are dialled to an address B that is the other
 * end's, which swaps source and destination of every packet and returns it. Neither checksum changes by that, and each
 * side of a connection sees A as its own address and B as its peer's. Sockets are told those that the tests know.
 */
import { isIPv4 } from 'node:net';
import { PacketPath } from '../../core/packet-path';
import { addressesOf } from '../../core/packet/ip-packet';
import { PacketModule, PathMtus } from '../../core/packet/packet-module';
import type {
  TcpConnection,
  TcpConnectOptions,
  TcpEvents,
  TcpListener,
  TcpListenOptions,
  UdpEvents,
  UdpFailure,
  UdpOpenOptions,
  UdpSocket,
} from '../../core/packet/stack/stack-contract';
import type { TunnelOptions } from '../../core/packet/wireguard/tunnel-contract';
import type { DatagramPort, DatagramPortOptions, Runtime } from '../../core/runtime';
import type { KnownNetwork, VirtualNetwork } from '../../core/virtual-network';
import type { Endpoint, VirtualAddresses } from '../../core/wire/addresses';
import type { LeavingNetwork } from './other-processes';

const LOCALHOST = 'localhost';
/** Of what PathMtus looks for, the largest alone is above. */
const LARGE = 16_000;
const HOST = '127.0.0.1';
const own: VirtualAddresses = { ipv4: '198.18.0.1', ipv6: 'fd00:6e74::1' };
const mirrored: VirtualAddresses = { ipv4: '198.18.0.2', ipv6: 'fd00:6e74::2' };

/** What the two ends of a connection are shown. */
interface Dialled {
  readonly client: Endpoint;
  readonly server: Endpoint;
}

export class LoopNetwork implements VirtualNetwork, LeavingNetwork {
  /** Every loopback address is this process's own. */
  readonly addresses = undefined;
  readonly loginError = undefined;
  readonly #node: PacketPath;
  readonly #mirror: Mirror;
  #port: DatagramPort | undefined;
  /** By the client's port; of IPv4 and IPv6 apart, for they have ports of their own. */
  readonly #dialled = { 4: new Map<number, Dialled>(), 6: new Map<number, Dialled>() };
  /** Open listeners and UDP sockets. */
  readonly #served = { tcp: new Set<{ local: Endpoint }>(), udp: new Set<{ local: Endpoint }>() };
  #isLeft = false;
  #ready: Promise<void> | undefined;
  #isReady = false;
  #onPathMtu: (mtu: number) => void = () => {};

  constructor(
    private readonly runtime: Runtime,
    private readonly onAccepted: () => void,
  ) {
    this.#node = new PacketPath({
      ...{ runtime, part: 'node', capture: undefined, allow: undefined, standby: 'off' },
      ...{ isZone: () => false, isHandover: () => false, serversTake: () => false },
      trace: ({ event, mtu }) => event === 'path mtu' && this.#onPathMtu(mtu as number),
      secretKey: runtime.random.bytes(32),
      transmit: (datagram, to) => this.#port?.send(datagram, to),
      situation: { observer: () => undefined, sightings: undefined as never },
      receiveOther() {},
      relays: () => ({ send() {}, heardMs: () => -Infinity, call() {}, reachBy() {} }),
      onTunnelEvent() {},
      onStuck() {},
      onStalled() {},
      onMoveConfirmed() {},
      onInterface() {},
      onRoute() {},
      onStackFault(assertion) {
        throw new Error(`lwIP: ${assertion}`);
      },
    });
    this.#node.configure('node', own);
    this.#mirror = new Mirror(runtime, (packet) => this.#node.stack.input(packet));
  }

  /** As the network's own names are in use: known to be virtual before any lookup. */
  known(): KnownNetwork {
    return { domains: [], networks: [], decided: true };
  }

  classifyName(name: string): 'virtual' | 'host' {
    return name === LOCALHOST && !this.#isLeft ? 'virtual' : 'host';
  }

  async whenDecided(): Promise<void> {}

  isVirtualAddress(address: string): boolean {
    return !this.#isLeft && /^(127\.|0\.0\.0\.0$|::1?$)/.test(address);
  }

  serves(protocol: 'tcp' | 'udp', port: number): boolean {
    for (const { local } of this.#served[protocol]) if (local.port === port) return true;
    return false;
  }

  leave<T>(call: () => T): T {
    this.#isLeft = true;
    try {
      return call();
    } finally {
      this.#isLeft = false;
    }
  }

  isUndecidedAddress(): boolean {
    return false;
  }

  prefixLengthOf(address: string): number | undefined {
    if (!this.isVirtualAddress(address)) return undefined;
    return isIPv4(address) ? 8 : 128;
  }

  async lookup(): Promise<VirtualAddresses> {
    return { ipv4: HOST, ipv6: '::1' };
  }

  reach(): Promise<void> | undefined {
    if (this.#isReady) return undefined;
    return (this.#ready ??= this.#open());
  }

  nameOf(): string {
    return LOCALHOST;
  }

  connectTcp({ remote, local }: TcpConnectOptions, events: TcpEvents): TcpConnection {
    const family = isIPv4(remote.address) ? 4 : 6;
    const from = local?.address;
    const connection = this.#node.stack.connectTcp(
      {
        remote: { address: family === 4 ? mirrored.ipv4 : mirrored.ipv6, port: remote.port },
        local: { ...local, ...(from !== undefined && { address: translated(from) }) },
      },
      events,
    );
    const client = { address: loopback(from ?? anyOf(family)), port: connection.local.port };
    const server = { address: loopback(remote.address), port: remote.port };
    this.#dialled[family].set(client.port, { client, server });
    return new ShownConnection(connection, client, server);
  }

  listenTcp(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener {
    void this.reach();
    const { address } = options;
    const inside = isWildcard(address) ? address : translated(address);
    const listener = this.#node.stack.listenTcp({ ...options, address: inside }, (connection) => {
      this.onAccepted();
      const family = isIPv4(connection.remote.address) ? 4 : 6;
      const { client, server } = this.#dialled[family].get(connection.remote.port)!;
      onConnection(new ShownConnection(connection, server, client));
    });
    const shown = { local: { address, port: listener.local.port } };
    this.#served.tcp.add(shown);
    const close = (): void => {
      this.#served.tcp.delete(shown);
      listener.close();
    };
    return { ...shown, close };
  }

  openUdp(options: UdpOpenOptions, events: UdpEvents): UdpSocket {
    void this.reach();
    const { address } = options;
    const inside = isWildcard(address) ? address : translated(address);
    const socket = this.#node.stack.openUdp(
      { ...options, address: inside },
      {
        received: (bytes, from, ...rest) => {
          this.onAccepted();
          events.received(bytes, { address: isIPv4(from.address) ? HOST : '::1', port: from.port }, ...rest);
        },
        failed: (reason) => events.failed(reason),
      },
    );
    const shown = new ShownUdpSocket(socket, address, () => this.#served.udp.delete(shown));
    this.#served.udp.add(shown);
    return shown;
  }

  async #open(): Promise<void> {
    const [port] = await Promise.all([
      openPort(this.runtime, (datagram, from) => this.#node.receive(datagram, from)),
      this.#mirror.open(),
    ]);
    this.#port = port;
    const { packets } = this.#node;
    const tunnel = packets.setTunnel(introduction('mirror', this.#mirror.packets, mirrored, this.#mirror.port!));
    this.#mirror.packets.setTunnel(introduction('node', packets, own, port));
    // Loopback has segments by the 10 kB, from the first on, and there are tests that count on it.
    await new Promise<void>((done) => {
      this.#onPathMtu = (mtu) => mtu > LARGE && done();
      tunnel.requestTunnel();
    });
    this.#isReady = true;
  }
}

/** The other end of the tunnel. */
class Mirror {
  readonly packets: PacketModule;
  port: DatagramPort | undefined;

  constructor(
    private readonly runtime: Runtime,
    returnPacket: (packet: Uint8Array) => void,
  ) {
    const { clock, timers, random } = runtime;
    const pathMtus = new PathMtus({
      ...{ clock, timers, random, onMtu() {} },
      interfaceMtu: (to) => runtime.interfaceMtu(to),
      cutPackets: () => runtime.cutPackets(),
    });
    this.packets = new PacketModule({
      ...{ clock, timers, random, privateKey: random.bytes(32) },
      transmit: (datagram, path) => this.port?.send(datagram, path.endpoint),
      deliver: (packet) => returnPacket(swapped(packet)),
      onControl: (control, tunnel) => pathMtus.receive(control, tunnel),
      onEvent() {},
    });
  }

  async open(): Promise<void> {
    this.port = await openPort(this.runtime, (datagram, endpoint) =>
      this.packets.receive(datagram, { kind: 'direct', endpoint }),
    );
  }
}

function openPort(runtime: Runtime, onDatagram: DatagramPortOptions['onDatagram']): Promise<DatagramPort> {
  return runtime.openDatagramPort({
    ...{ family: 4, address: HOST, onDatagram },
    onSendError(error) {
      throw error; // over loopback nothing is lost
    },
  });
}

function introduction(
  fqdn: string,
  { publicKey }: PacketModule,
  virtualAddresses: VirtualAddresses,
  { local }: DatagramPort,
): TunnelOptions {
  const path = { kind: 'direct', endpoint: local } as const;
  return { fqdn, publicKey, presharedKey: new Uint8Array(32), virtualAddresses, path };
}

/** With source and destination address exchanged, in place. */
function swapped(packet: Uint8Array): Uint8Array {
  const { source, destination, addressLength } = addressesOf(packet);
  const from = packet.slice(source, source + addressLength);
  packet.copyWithin(source, destination, destination + addressLength);
  packet.set(from, destination);
  return packet;
}

/** A connection of a stack's, with the addresses that the tests know. */
class ShownConnection implements TcpConnection {
  constructor(
    private readonly inside: TcpConnection,
    readonly local: Endpoint,
    readonly remote: Endpoint,
  ) {}

  get writableLength(): number {
    return this.inside.writableLength;
  }
  get unacknowledgedLength(): number {
    return this.inside.unacknowledgedLength;
  }
  write(bytes: Uint8Array): number {
    return this.inside.write(bytes);
  }
  shutdown(): void {
    this.inside.shutdown();
  }
  consumed(length: number): void {
    this.inside.consumed(length);
  }
  abort(): void {
    this.inside.abort();
  }
  setNoDelay(enabled: boolean): void {
    this.inside.setNoDelay(enabled);
  }
  setKeepAlive(enabled: boolean, initialDelayMs: number): void {
    this.inside.setKeepAlive(enabled, initialDelayMs);
  }
  setEvents(events: TcpEvents): void {
    this.inside.setEvents(events);
  }
}

class ShownUdpSocket implements UdpSocket {
  constructor(
    private readonly inside: UdpSocket,
    private readonly address: string,
    private readonly onClose: () => void,
  ) {}

  get local(): Endpoint {
    return { address: this.address, port: this.inside.local.port };
  }
  connect(remote: Endpoint): void {
    this.inside.connect(across(remote));
  }
  disconnect(): void {
    this.inside.disconnect();
  }
  send(bytes: Uint8Array, to?: Endpoint): UdpFailure | undefined {
    return this.inside.send(bytes, to && across(to));
  }
  countOverflow(): void {
    this.inside.countOverflow();
  }
  countUnsent(): void {
    this.inside.countUnsent();
  }
  close(): void {
    this.onClose();
    this.inside.close();
  }
}

/** Through the tunnel to what the tests know by a loopback address. */
function across({ address, port }: Endpoint): Endpoint {
  return { address: isIPv4(address) ? mirrored.ipv4 : mirrored.ipv6, port };
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function anyOf(family: 4 | 6): string {
  return family === 4 ? '0.0.0.0' : '::';
}

/** Who dials a wildcard address gets through by loopback. */
function loopback(address: string): string {
  if (!isWildcard(address)) return address;
  return isIPv4(address) ? HOST : '::1';
}

/** A loopback address is the node's own; any other one stays, and the stack refuses it. */
function translated(address: string): string {
  if (/^127\.|^0\.0\.0\.0$/.test(address)) return own.ipv4;
  return address === '::1' || address === '::' ? own.ipv6 : address;
}
