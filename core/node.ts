/**
 * A node (paper 2.6): the composition root, where the three modules of paper 3.3 are wired together.
 *
 *   negotiation  membership (login, registration, notification), directions
 *   packet       the virtual stack, the tunnels
 *   sockets      one UDP socket per IP version carries signalling and tunnels, told apart by the first byte
 */
import { Correspondents } from './correspondents';
import { Namespace } from './namespace';
import { Directions } from './negotiation/directions';
import { Membership } from './negotiation/membership';
import type { Registered } from './negotiation/registration';
import type { NodeConfig } from './config';
import { destinationOf } from './packet/ip-packet';
import type { PacketModule, TunnelEvent } from './packet/packet-module';
import { describePath, type Path } from './packet/path';
import type { PathMtus } from './packet/path-mtu';
import { Stack } from './packet/stack/stack';
import { LEAST_MTU } from './packet/wireguard/constants';
import type { Tunnel } from './packet/wireguard/tunnel';
import type {
  TcpConnection,
  TcpConnectOptions,
  TcpEvents,
  TcpListener,
  TcpListenOptions,
} from './packet/stack/stack-contract';
import type { DatagramPort, Runtime } from './runtime';
import type { Trace } from './trace';
import { traceTunnel } from './tunnel-trace';
import type { VirtualNetwork } from './virtual-network';
import type { Endpoint, VirtualAddresses } from './wire/addresses';
import { canonicalIp, formatIp } from './wire/ip-text';
import { SIGNALLING_MAGIC } from './wire/header';
import type { Body } from './wire/messages';
import { canonicalName } from './wire/names';
import { keyPairFromSecret } from './wire/keys';
import { Signalling } from './wire/signalling';

const ENDPOINTS_LIMIT = 12;

export interface NodeOptions {
  readonly runtime: Runtime;
  readonly trace: Trace;
  readonly config: Pick<NodeConfig, 'accountServer' | 'account' | 'node' | 'password' | 'domains' | 'route'>;
  /** WireGuard static secret key, 32 bytes. */
  readonly secretKey: Uint8Array;
  /** What an earlier run learned of the network. */
  readonly known: { readonly domains: readonly string[]; readonly networks: readonly string[] };
  hostsFile(): ReadonlySet<string>;
  onNetwork(network: { domains: readonly string[]; networks: readonly string[] }): void;
  onFailed(error: Error): void;
}

export class Node implements VirtualNetwork {
  addresses: VirtualAddresses | undefined;
  fqdn: string | undefined;
  private readonly part: string;
  private readonly namespace: Namespace;
  private readonly signalling: Signalling<Endpoint>;
  private packetModule: PacketModule | undefined;
  private pathMtus: PathMtus | undefined;
  private readonly membership: Membership;
  private readonly directions: Directions;
  private readonly correspondents: Correspondents;
  private readonly ports: DatagramPort[] = [];
  private virtualStack: Stack | undefined;
  private opened: Promise<void> | undefined;
  private lastPath: Path | undefined;
  private closed = false;

  constructor(private readonly options: NodeOptions) {
    const { runtime, trace, config, secretKey, known } = options;
    const { clock, timers, random } = runtime;
    this.part = `node ${config.node ? `${config.node}.` : ''}${config.account}`;
    this.namespace = new Namespace(options.hostsFile);
    this.namespace.learn(config.domains, known.networks, config.domains.length > 0 && !!config.accountServer.zone);
    this.namespace.learn(known.domains, [], known.domains.length > 0);
    this.signalling = new Signalling<Endpoint>({
      ...{ party: 'node', part: this.part, clock, timers, random, trace },
      transmit: (datagram, to) => this.send(datagram, to),
    });
    this.directions = new Directions({
      signalling: this.signalling,
      coordinator: () => this.membership.coordinator(),
      onDirection: (direction) => this.correspondents.follow(direction),
    });
    this.membership = new Membership({
      ...{
        runtime,
        trace,
        part: this.part,
        signalling: this.signalling,
        publicKey: keyPairFromSecret(secretKey).publicKey,
      },
      ...{ account: config.account, node: config.node, password: config.password, route: config.route },
      accountServer: config.accountServer,
      hostEndpoints: () => this.hostEndpoints(),
      onConfiguration: (configuration) => this.configure(configuration),
      onJoined: (fqdn, registered) => this.joined(fqdn, registered),
      onFailed: (error) => this.failed(error),
      onNotification: (id) => this.directions.acknowledgeNotification(id),
    });
    this.correspondents = new Correspondents({
      ...{ clock, timers, packets: () => this.packets(), directions: this.directions },
      whenJoined: () => this.whenJoined(),
      canSendTo: (endpoint) => this.portFor(endpoint) !== undefined,
      onConstructed: ({ ipv4, ipv6 }) => [ipv4, ipv6].forEach((address) => this.virtualStack?.pathChanged(address)),
    });
  }

  get loginError(): Error | undefined {
    return this.membership.error;
  }

  /** Opens the UDP sockets and starts to join, unless that was done. Names, connections and listeners do it too. */
  start(): void {
    this.opened ??= this.openPorts();
  }

  /** Rejects with NtmError as soon as it is known why this node cannot join now. */
  async whenJoined(): Promise<void> {
    this.start();
    await this.opened;
    await this.membership.whenJoined();
  }

  classifyName(name: string): 'virtual' | 'host' | 'undecided' {
    return this.namespace.classifyName(name);
  }

  whenDecided(): Promise<void> {
    this.start();
    return this.namespace.whenDecided();
  }

  isVirtualAddress(address: string): boolean {
    return this.namespace.isVirtualAddress(address);
  }

  async lookup(name: string): Promise<VirtualAddresses> {
    const fqdn = canonicalName(name);
    this.options.trace({ part: this.part, event: 'resolve', name: fqdn, figure: 5, step: 1 });
    if (fqdn === this.fqdn && this.addresses) return this.addresses;
    if (!this.membership.coordinator()) await this.whenJoined();
    if (fqdn === this.fqdn && this.addresses) return this.addresses;
    return this.correspondents.lookup(fqdn);
  }

  reach(address: string): Promise<void> | undefined {
    const canonical = canonicalIp(address);
    return this.isOwn(canonical) ? undefined : this.correspondents.reach(canonical);
  }

  nameOf(address: string): string | undefined {
    const canonical = canonicalIp(address);
    return this.isOwn(canonical) ? this.fqdn : this.correspondents.nameOf(canonical);
  }

  connectTcp(options: TcpConnectOptions, events: TcpEvents): TcpConnection {
    return this.stack().connectTcp(options, events);
  }

  listenTcp(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener {
    this.start();
    return this.stack().listenTcp(options, onConnection);
  }

  /** In this order: the resets of open connections still go through their tunnels, as a kernel would send them. */
  close(): void {
    this.closed = true;
    this.virtualStack?.close();
    this.membership.close();
    this.packetModule?.close();
    this.signalling.close();
    for (const port of this.ports) port.close();
  }

  private async openPorts(): Promise<void> {
    const { runtime } = this.options;
    const opened = await Promise.allSettled(
      ([4, 6] as const).map((family) =>
        runtime.openDatagramPort({
          family,
          onDatagram: (datagram, from) => this.receive(datagram, from),
          onSendError: (error, to) => this.sendFailed(error, to),
        }),
      ),
    );
    for (const port of opened) if (port.status === 'fulfilled') this.ports.push(port.value);
    this.membership.start();
  }

  /** Loaded and made once this node is registered, or when first needed: not in the start-up of every program. */
  private packets(): PacketModule {
    if (this.packetModule) return this.packetModule;
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { PacketModule, PathMtus } = require('./packet/packet-module') as typeof import('./packet/packet-module');
    const { runtime, secretKey } = this.options;
    const { clock, timers, random } = runtime;
    const pathMtus = new PathMtus({
      ...{ clock, timers, random, interfaceMtu: (to) => runtime.interfaceMtu(to) },
      onMtu: (tunnel, mtu) => this.setPathMtu(tunnel, mtu),
    });
    this.pathMtus = pathMtus;
    this.packetModule = new PacketModule({
      ...{ clock, timers, random, privateKey: secretKey },
      transmit: (datagram, path) => this.send(datagram, path.endpoint),
      deliver: (packet) => this.stack().input(packet),
      onControl: (control, tunnel) => pathMtus.receive(control, tunnel),
      onEvent: (event) => this.onTunnelEvent(event),
    });
    return this.packetModule;
  }

  /** Made when first needed: a program that never names an NTMobile host does not pay for it. */
  private stack(): Stack {
    if (this.virtualStack) return this.virtualStack;
    const { clock, timers, random } = this.options.runtime;
    const stack = new Stack({
      ...{ clock, timers, random, output: (packet) => this.output(packet) },
      onStalled: (address) => this.stalled(address),
    });
    this.virtualStack = stack;
    if (this.addresses) stack.configure(this.addresses, LEAST_MTU);
    return stack;
  }

  private output(packet: Uint8Array): void {
    if (this.packets().encapsulate(packet) !== 'no-tunnel' || !this.isOwn(formatIp(destinationOf(packet)))) return;
    const copy = new Uint8Array(packet);
    queueMicrotask(() => this.virtualStack?.input(copy));
  }

  private receive(datagram: Uint8Array, from: Endpoint): void {
    if (this.closed) return;
    if (datagram[0] === SIGNALLING_MAGIC) this.signalling.receive(datagram, from);
    else this.packets().receive(datagram, this.pathFrom(from));
  }

  /** The last one again where it fits: a tunnel then knows it by identity. */
  private pathFrom(endpoint: Endpoint): Path {
    if (this.lastPath?.endpoint !== endpoint) this.lastPath = { kind: 'direct', endpoint };
    return this.lastPath;
  }

  private send(datagram: Uint8Array, to: Endpoint): void {
    this.portFor(to)?.send(datagram, to);
  }

  private portFor(endpoint: Endpoint): DatagramPort | undefined {
    const family = endpoint.address.includes(':') ? 6 : 4;
    for (const port of this.ports) if (port.family === family) return port;
    return undefined;
  }

  private sendFailed(error: Error & { code?: string }, to: Endpoint): void {
    this.options.trace({ part: this.part, event: 'send failed', code: error.code, to: to.address });
  }

  private hostEndpoints(): Endpoint[] {
    const endpoints = this.options.runtime.hostAddresses().flatMap(({ address, family }) => {
      const port = this.ports.find((candidate) => candidate.family === family);
      return port ? [{ address, port: port.local.port }] : [];
    });
    return endpoints.slice(0, ENDPOINTS_LIMIT);
  }

  private configure({ domains, networks, fqdn }: Body<'configurationResponse'>): void {
    this.fqdn = canonicalName(fqdn);
    this.namespace.learn(domains, networks, true);
    this.options.onNetwork({ domains, networks });
  }

  private joined(fqdn: string, { addresses }: Registered): void {
    this.fqdn = canonicalName(fqdn);
    this.addresses = { ipv4: addresses.ipv4, ipv6: canonicalIp(addresses.ipv6) };
    this.virtualStack?.configure(this.addresses, LEAST_MTU);
    this.options.runtime.timers.schedule(0, () => void (this.closed || this.packets()));
  }

  private failed(error: Error): void {
    this.namespace.settle();
    this.options.onFailed(error);
  }

  private onTunnelEvent(event: TunnelEvent): void {
    traceTunnel(this.options.trace, this.part, event);
    this.correspondents.onTunnelEvent(event);
    if (event.kind === 'established' || event.kind === 'roamed') this.pathMtus?.look(event.tunnel);
    if (event.kind !== 'roamed') return;
    const { ipv4, ipv6 } = event.tunnel.virtualAddresses;
    for (const address of [ipv4, ipv6]) this.virtualStack?.pathChanged(address);
  }

  private setPathMtu({ fqdn, path, virtualAddresses }: Tunnel, mtu: number): void {
    this.options.trace({ part: this.part, event: 'path mtu', peer: fqdn, path: describePath(path), mtu });
    this.stack().setPathMtu(virtualAddresses.ipv4, mtu);
    this.stack().setPathMtu(canonicalIp(virtualAddresses.ipv6), mtu);
  }

  private stalled(address: string): void {
    const tunnel = this.packets().tunnelTo(address);
    if (tunnel) this.pathMtus?.stalled(tunnel);
  }

  private isOwn(address: string): boolean {
    return address === this.addresses?.ipv4 || address === this.addresses?.ipv6;
  }
}
