/**
 * A node (paper 2.6): the composition root, where the three modules of paper 3.3 are wired together.
 *
 *   negotiation  membership (login, registration, notification), directions
 *   handover     the host's network changes: registration and tunnels anew
 *   packet       the virtual stack, the tunnels (packet-path.ts)
 *   sockets      one UDP socket per IP version carries signalling and tunnels, told apart by the first byte; or TLS
 *                (reach/host-ports.ts)
 */
import { Correspondents } from './correspondents';
import type { Namespace } from './namespace';
import { Directions } from './negotiation/directions';
import { interfacesOut } from './handover/default-routes';
import { Handover } from './handover/handover';
import { Ends } from './negotiation/ends';
import { Membership } from './negotiation/membership';
import type { PushAddress } from './negotiation/notification-client';
import type { Registered } from './negotiation/registration';
import { RelayBindings } from './negotiation/relay-bindings';
import { NodeEvents, type Listen } from './node-events';
import type { NodeOptions } from './node-options';
import { sourceAddresses } from './source-addresses';
import type { NodeCache } from './node-cache';
import { NodeCaches } from './node-caches';
import { PacketPath } from './packet-path';
import type {
  TcpConnection,
  TcpConnectOptions,
  TcpEvents,
  TcpListener,
  TcpListenOptions,
  UdpEvents,
  UdpOpenOptions,
  UdpSocket,
} from './packet/stack/stack-contract';
import { describePath } from './packet/path';
import type { Way } from './reach/detour';
import { Discovery, STUN_ANSWER } from './reach/discovery';
import { HostPorts } from './reach/host-ports';
import { mayReach } from './reach/ip-versions';
import type { Statistics } from './statistics';
import type { KnownNetwork, VirtualNetwork } from './virtual-network';
import type { Endpoint, VirtualAddresses } from './wire/addresses';
import { canonicalIp } from './wire/ip-text';
import { SIGNALLING_MAGIC } from './wire/header';
import type { Body } from './wire/messages';
import { canonicalName } from './wire/names';
import { keyPairFromSecret } from './wire/keys';
import { RELAY_HINT_MAGIC, RELAY_MAGIC } from './wire/relay-frame';
import { Signalling } from './wire/signalling';

export class Node implements VirtualNetwork {
  fqdn: string | undefined;
  readonly discovery: Discovery;
  private readonly events: NodeEvents;
  private readonly part: string;
  private readonly namespace: Namespace;
  private readonly signalling: Signalling<Endpoint>;
  private readonly packetPath: PacketPath;
  private readonly membership: Membership;
  private readonly directions: Directions;
  private readonly correspondents: Correspondents;
  private readonly relays: RelayBindings;
  private readonly handover: Handover;
  private readonly ends: Ends;
  private readonly ports: HostPorts;
  private opened: Promise<void> | undefined;
  private readonly caches: NodeCaches;
  private closed = false;

  constructor(private readonly options: NodeOptions) {
    const { runtime, trace, config, secretKey } = options;
    const { clock, timers, random } = runtime;
    this.part = `node ${config.node ? `${config.node}.` : ''}${config.account}`;
    this.namespace = options.namespace;
    this.events = new NodeEvents(trace, this.part, clock);
    this.signalling = new Signalling<Endpoint>({
      ...{ party: 'node', part: this.part, clock, timers, random, trace },
      transmit: (datagram, to) => this.ports.send(datagram, to),
    });
    this.ports = new HostPorts({
      ...{ runtime, tlsOnly: config.udp === 'off' },
      onDatagram: (datagram, from) => this.receive(datagram, from),
      onSendError: (error, to) => this.sendFailed(error, to),
      others: (family) => this.packetPath.others(family),
      onChange: (...change) => this.wayChanged(...change),
      onLost: (server) => this.wayLost(server),
      onOpened: () => this.handover.rebound(),
    });
    this.directions = new Directions({
      ...{ clock, timers },
      signalling: this.signalling,
      coordinator: () => this.membership.coordinator(),
      onDirection: (direction, handover) => this.correspondents.follow(direction, handover),
      onPolicy: (policy) => this.correspondents.permit(policy),
      onLost: (coordinator, reason) => this.membership.doubt(coordinator, reason),
    });
    this.ends = new Ends({
      ...{ signalling: this.signalling, timers, random },
      membership: () => this.membership,
      correspondents: () => this.correspondents,
    });
    this.discovery = new Discovery({
      ...{ runtime, trace, part: this.part, ports: this.ports.sockets, portMapping: config.portMapping },
      send: (datagram, to) => this.ports.send(datagram, to),
      onNews: () => void this.membership.situationChanged().then(() => this.correspondents.situationChanged()),
    });
    this.membership = new Membership({
      ...{ runtime, trace, part: this.part, signalling: this.signalling, situation: this.discovery },
      publicKey: keyPairFromSecret(secretKey).publicKey,
      ...{ account: config.account, node: config.node, route: config.route, byJoinKey: config.byJoinKey ?? false },
      password: () => config.password(),
      accountServer: config.accountServer,
      hostEndpoints: () => this.discovery.hostEndpoints(),
      addServer: (...server) => this.ports.detour.add(...server),
      sourceFor: (server) => this.ports.detour.otherAddress(server),
      hasAnotherWay: () => config.standby !== 'off' && interfacesOut(runtime.defaultRoutes?.() ?? '') > 1,
      onConfiguration: (configuration) => this.configure(configuration),
      onJoined: (fqdn, registered) => this.joined(fqdn, registered),
      onFailed: (error) => this.failed(error),
      onRevoked: (error) => this.correspondents.endAll(error),
      onNotification: (id, handover) => this.directions.acknowledgeNotification(id, handover),
      onPushRefused: (why) => options.onPushRefused?.(why),
      onMoved: () => this.handover.registered(),
    });
    this.handover = new Handover({
      ...{ clock, timers, trace, part: this.part },
      hostAddresses: () => runtime.hostAddresses(),
      ...(runtime.defaultRoutes && { defaultRoutes: () => runtime.defaultRoutes!() }),
      sourceAddresses: () => sourceAddresses(runtime),
      watch: (onChange, onState) => runtime.watchNetwork?.(onChange, onState),
      notify: (why, oldDelivers) => {
        if (why === 'network') this.ports.hostMoved();
        const notified = this.packetPath.hostMoved(oldDelivers);
        this.relays.hostMoved();
        return notified;
      },
      register: () => this.membership.hostMoved(),
      direct: () => this.correspondents.hostMoved(),
      directRest: () => this.correspondents.registered(),
      onHandover: (handover) => this.events.handover(handover),
    });
    this.membership.setPush(config.push);
    this.packetPath = new PacketPath({
      ...{ runtime, trace, part: this.part, secretKey, capture: options.capture },
      ...{ allow: config.allow, standby: config.standby },
      ...{ situation: this.discovery, relays: () => this.relays },
      receiveOther: (...received) => this.ports.receiveBy(...received),
      serversTake: (via) => this.ports.detour.takes(via),
      isZone: (name) => this.namespace.isZone(name),
      transmit: (datagram, to) => this.ports.send(datagram, to),
      onTunnelEvent: (event) => this.correspondents.onTunnelEvent(event),
      isHandover: (fqdn) => this.correspondents.isHandover(fqdn),
      onStuck: ({ fqdn }) => this.correspondents.renew(fqdn),
      onStalled: ({ path }) => path.kind === 'relay' && this.relays.doubt(path),
      onMoveConfirmed: () => this.handover.confirmed(),
      onInterface: () => this.interfaceChanged(),
      onRoute: (route) => this.events.route(route),
      onStackFault: (assertion) => this.options.onStackFault(assertion),
    });
    this.caches = new NodeCaches({
      ...{ node: options, part: this.part, signalling: this.signalling },
      fqdn: () => this.fqdn,
      membership: () => this.membership,
      packetPath: () => this.packetPath,
      whenJoined: () => this.whenJoined(),
      isAbsent: (address) => this.correspondents.isAbsent(address),
    });
    const canSendTo = (to: Endpoint): boolean => this.ports.canSendTo(to) && mayReach(to, runtime);
    this.relays = new RelayBindings({
      ...{ clock, timers, canSendTo, keepAlive: this.discovery.keepAlive },
      ...{ signalling: this.signalling, ports: this.ports },
      addServer: (...server) => this.ports.detour.add(...server),
      isWanted: (fqdn, path) => this.correspondents.wants(fqdn, path),
      onObserved: (by, observed) => this.discovery.observed(by, observed),
      onMoved: (fqdn) => {
        this.packetPath.pathChanged(this.correspondents.recall(fqdn));
        this.correspondents.relayBound(fqdn);
      },
      onLost: (fqdn, path, reason) => {
        trace({ part: this.part, event: 'relay lost', peer: fqdn, path: describePath(path), reason });
        this.correspondents.relayLost(fqdn, path);
      },
    });
    this.correspondents = new Correspondents({
      ...{ clock, timers, directions: this.directions, canSendTo, relays: this.relays },
      ...{ packets: () => this.packetPath.packets, paths: () => this.packetPath.paths, situation: this.discovery },
      whenJoined: () => this.whenJoined(),
      onPathChanged: (addresses) => this.packetPath.pathChanged(addresses),
      onAbsent: (addresses, error) => this.packetPath.unreachable(addresses, error),
      onPermits: (fqdn, addresses, permits) => this.packetPath.permit(fqdn, addresses, permits),
      onForbidden: (addresses, error) => this.packetPath.forbid(addresses, error),
    });
  }

  /** This node's, once it has joined. */
  get addresses(): VirtualAddresses | undefined {
    return this.packetPath.addresses;
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

  known(): KnownNetwork {
    return this.namespace.known();
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

  isUndecidedAddress(address: string): boolean {
    return this.namespace.isUndecidedAddress(address);
  }

  prefixLengthOf(address: string): number | undefined {
    return this.namespace.prefixLengthOf(address);
  }

  async lookup(name: string): Promise<VirtualAddresses> {
    const fqdn = canonicalName(name);
    this.options.trace({ part: this.part, event: 'resolve', name: fqdn, figure: 5, step: 1 });
    if (fqdn === this.fqdn && this.addresses) return this.addresses;
    const known = this.correspondents.recall(fqdn); // also while the DC is away
    if (known) return known;
    await this.whenJoined();
    if (fqdn === this.fqdn && this.addresses) return this.addresses;
    return this.correspondents.lookup(fqdn);
  }

  reach(address: string, correspondent?: 'perhaps silent'): Promise<void> | undefined {
    const canonical = canonicalIp(address);
    return this.packetPath.isOwn(canonical) ? undefined : this.correspondents.reach(canonical, correspondent);
  }

  nameOf(address: string): string | undefined {
    const canonical = canonicalIp(address);
    if (this.packetPath.isOwn(canonical)) return this.fqdn;
    return this.correspondents.nameOf(canonical) ?? this.caches.nameOf(canonical);
  }

  connectTcp(options: TcpConnectOptions, events: TcpEvents): TcpConnection {
    return this.packetPath.stack.connectTcp(options, events);
  }

  listenTcp(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener {
    this.start();
    return this.packetPath.stack.listenTcp(options, onConnection);
  }

  openUdp(options: UdpOpenOptions, events: UdpEvents): UdpSocket {
    this.start();
    const socket = this.packetPath.stack.openUdp(options, events);
    return this.caches.datagrams?.opened(socket) ?? socket;
  }

  cacheDatagram(bytes: Uint8Array, sourcePort: number, to: Endpoint): Promise<void> | undefined {
    return this.caches.datagrams?.store(bytes, sourcePort, { ...to, address: canonicalIp(to.address) });
  }

  /** Made when it is first asked for. */
  get cache(): NodeCache {
    return this.caches.items;
  }

  /** How this node is woken when it has no connection to the NS; undefined: not at all. */
  setPush(push: PushAddress | undefined): void {
    this.membership.setPush(push);
  }

  /** A push message came, or the process was suspended: the DC is told where this node is now. */
  wake(): void {
    this.start();
    this.membership.wake();
  }

  get on(): Listen {
    return this.events.on;
  }

  statistics(): Statistics {
    return this.packetPath.statistics();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.options.trace({
      part: this.part,
      event: 'statistics',
      ...this.packetPath.close(),
      strayStun: this.discovery.strays,
    });
    const { caches, handover, ends, discovery, membership, relays, signalling, ports } = this;
    for (const part of [caches, handover, ends, discovery, membership, relays, signalling, ports]) part.close();
    this.packetPath.closeOthers();
  }

  private async openPorts(): Promise<void> {
    await this.ports.open();
    if (this.closed) return this.ports.close();
    this.handover.start();
    this.membership.start();
  }

  private receive(datagram: Uint8Array, from: Endpoint): void {
    if (this.closed) return;
    switch (datagram[0]) {
      case SIGNALLING_MAGIC:
        return this.signalling.receive(datagram, from);
      case RELAY_MAGIC:
        return this.receiveRelayed(datagram, from);
      case RELAY_HINT_MAGIC:
        return this.relays.receiveHint(datagram, from);
      default:
        if (datagram[0] === STUN_ANSWER && this.discovery.receive(datagram, from)) return;
        return this.packetPath.receive(datagram, from);
    }
  }

  private receiveRelayed(frame: Uint8Array, from: Endpoint): void {
    const path = this.relays.receive(frame, from);
    if (path) this.packetPath.receiveRelayed(frame, path);
  }

  private sendFailed(error: Error & { code?: string }, to: Endpoint): void {
    this.events.sendFailed(error, to.address);
    this.signalling.unsent(to, error.code ?? error.message);
    if (!this.packetPath.sendFailed(to)) this.handover.suspect();
  }

  /** By another interface servers see this node elsewhere; its tunnels find their ways themselves. */
  private wayChanged(way: Way, before: Way): void {
    this.options.trace({ part: this.part, event: 'way changed', way });
    const isElsewhere = way === 'interface' || before === 'interface';
    if (isElsewhere) this.membership.hostMoved(); // joined or not: a connection to the NS leads by the one before
    if (!this.membership.coordinator()) return;
    if (isElsewhere) this.relays.checkAll();
    else this.handover.wayChanged();
  }

  /** Servers may be silent, too, or heard again. */
  private interfaceChanged(): void {
    if (this.ports.detour.way === 'udp') this.membership.wake();
    else this.ports.detour.tryUdp();
  }

  private wayLost(server: Endpoint): void {
    this.relays.doubtServer(server);
    if (this.membership.coordinator()?.endpoint === server) this.membership.wake();
  }

  private configure({ domains, networks, fqdn }: Body<'configurationResponse'>): void {
    this.fqdn = canonicalName(fqdn);
    this.namespace.learn(domains, networks, true);
    this.namespace.settle();
    this.options.onNetwork({ domains, networks });
  }

  private joined(fqdn: string, { addresses }: Registered): void {
    this.fqdn = canonicalName(fqdn);
    this.caches.joined();
    this.packetPath.configure(this.fqdn, { ipv4: addresses.ipv4, ipv6: canonicalIp(addresses.ipv6) });
    this.ends.start();
    // Not with the first packet; nor at the start of a program that may never send one.
    this.options.runtime.timers.schedule(0, () => void (this.closed || this.packetPath.packets));
  }

  private failed(error: Error): void {
    this.namespace.settle();
    this.options.onFailed(error);
  }
}
