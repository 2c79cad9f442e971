/**
 * The packet path of a node (paper 3.3, Figure 6), wired together:
 *
 *   program -- virtual stack -- capture -- packet module (tunnels) -- transmit / receive (UDP sockets)
 *
 * with what is known of each path's MTU on both sides. Stack and tunnels are made when they are first needed: a program
 * that never names an NTMobile host does not pay for them.
 */
import type { Capture } from './capture';
import { Inbound } from './inbound';
import { openExtraPort } from './extra-port';
import type { InboundRules } from './inbound-rules';
import type { NtmError } from './errors';
import { destinationOf } from './packet/ip-packet';
import type { PacketModule, TunnelEvent } from './packet/packet-module';
import { describePath, type Path, type RelayPath, type Via } from './packet/path';
import type { PathMtus } from './packet/path-mtu';
import type { Paths } from './packet/paths/paths';
import type { MoveKnown, RouteReason } from './packet/paths/paths-contract';
import type { Relays } from './packet/paths/relay-standby';
import { Stack } from './packet/stack/stack';
import type { PathChange } from './packet/stack/stack-contract';
import { LEAST_MTU } from './packet/wireguard/constants';
import type { Tunnel } from './packet/wireguard/tunnel';
import type { RelayBindings } from './negotiation/relay-bindings';
import type { Discovery } from './reach/discovery';
import type { Runtime } from './runtime';
import { StandbyPorts } from './standby-ports';
import { statisticsOf, type Statistics } from './statistics';
import type { Trace } from './trace';
import { traceFigure8, traceTunnel } from './tunnel-trace';
import type { Endpoint, VirtualAddresses } from './wire/addresses';
import { canonicalIp, formatIp } from './wire/ip-text';
import { RELAY_HEADER_LENGTH, relayedDatagram, writeRelayHeader } from './wire/relay-frame';

const FRAME_BUFFER_BYTES = 2_048;
const MOVE_EVENTS: Record<MoveKnown, string> = {
  ...{ announced: 'move announced', own: 'move confirmed', interface: 'interface confirmed' },
  ...{ peers: 'peer moved', back: 'peer back' },
};

/** A tunnel takes another path than before; `from` and `to` as the trace writes paths. */
export interface RouteChange {
  readonly peer: string;
  /** Undefined for the first one. */
  readonly from: string | undefined;
  readonly to: string;
  readonly why: RouteReason;
}

export interface PacketPathOptions {
  readonly runtime: Runtime;
  readonly trace: Trace;
  /** As which the trace knows this node. */
  readonly part: string;
  /** WireGuard static secret key, 32 bytes. */
  readonly secretKey: Uint8Array;
  readonly capture: Capture | undefined;
  /** Who gets in; undefined: everybody whom the DC introduces. */
  readonly allow: InboundRules | undefined;
  /** Whether other interfaces of the host stand by; undefined: they do. */
  readonly standby: 'auto' | 'off' | undefined;
  isZone(name: string): boolean;
  /** `datagram` is valid only during the call. */
  transmit(datagram: Uint8Array, to: Endpoint): void;
  /** What came by a socket of another interface, and is of no tunnel. */
  receiveOther(datagram: Uint8Array, from: Endpoint, by: Via): void;
  /** Whether servers are reached by this socket. */
  serversTake(via: Via): boolean;
  readonly situation: { readonly reach?: Discovery['reach'] } & Pick<Discovery, 'observer' | 'sightings'>;
  /** The bindings of relay paths, which frames are sent by. */
  relays(): Pick<RelayBindings, 'send' | keyof Relays>;
  onTunnelEvent(event: TunnelEvent): void;
  /** Whether the tunnel to this node was last directed because of a handover. */
  isHandover(fqdn: string): boolean;
  /** No path of this tunnel works, as far as can be told. */
  onStuck(tunnel: Tunnel): void;
  /** TCP hears nothing any more through this tunnel. */
  onStalled(tunnel: Tunnel): void;
  /** A correspondent node has answered from where this node is since its host moved. */
  onMoveConfirmed(): void;
  /** A tunnel takes another of the host's interfaces, of itself: the one before was silent, or this one is not any more. */
  onInterface(): void;
  onRoute(route: RouteChange): void;
  /** The virtual stack failed this assertion; its connections are lost. */
  onStackFault(assertion: string): void;
}

export class PacketPath {
  addresses: VirtualAddresses | undefined;
  private packetModule: PacketModule | undefined;
  private pathMtus: PathMtus | undefined;
  private pathsIfMade: Paths | undefined;
  private standbys: StandbyPorts | undefined;
  private virtualStack: Stack | undefined;
  private lastPath: Path | undefined;
  /** Whether what is under way to where this host was before its last move arrives. */
  private oldDelivers = false;
  /** Last told. */
  private readonly routes = new WeakMap<Tunnel, string>();

  private readonly inbound: Inbound;
  private frame = new Uint8Array(0);

  constructor(private readonly options: PacketPathOptions) {
    const { allow: rules, isZone, trace, part, runtime } = options;
    this.inbound = new Inbound({
      ...{ rules, trace, part, clock: runtime.clock },
      isOwn: (address) => this.isOwn(address),
      isZone,
      tunnelAt: (...address) => this.packets.tunnelAt(...address),
    });
  }

  get packets(): PacketModule {
    if (this.packetModule) return this.packetModule;
    const { PacketModule, PathMtus, Paths } = loadPacketModule();
    const { runtime, secretKey, transmit, situation, receiveOther, serversTake } = this.options;
    const { clock, timers, random } = runtime;
    const pathMtus = new PathMtus({
      ...{ clock, timers, random },
      interfaceMtu: (to) => runtime.interfaceMtu(to),
      cutPackets: () => runtime.cutPackets(),
      onMtu: (tunnel, mtu) => this.setPathMtu(tunnel, mtu),
    });
    this.pathMtus = pathMtus;
    const packets: PacketModule = new PacketModule({
      ...{ clock, timers, random, privateKey: secretKey },
      transmit: (datagram, path) => {
        if (path.kind === 'relay') this.relay(datagram, path);
        else (path.via?.send ?? transmit)(datagram, path.endpoint);
      },
      deliver: this.captured('in', (packet) => this.stack.input(packet)),
      onControl: (control, tunnel, from) => paths.receive(control, tunnel, from) || pathMtus.receive(control, tunnel),
      onSent: (tunnel, nowMs) => paths.sent(tunnel, nowMs),
      follows: (tunnel, from) => paths.follows(tunnel, from),
      onClosed: (tunnel) => {
        paths.end(tunnel);
        pathMtus.end(tunnel);
      },
      onEvent: (event) => this.onTunnelEvent(event),
    });
    const receive = (datagram: Uint8Array, from: Path): void => packets.receive(datagram, from);
    const isUsed = (via: Via): boolean => paths.takes(via) || serversTake(via);
    const isWanted = this.options.standby !== 'off';
    const standbys = isWanted ? new StandbyPorts({ runtime, situation, receive, receiveOther, isUsed }) : undefined;
    this.standbys = standbys;
    const paths: Paths = new Paths(packets.publicKey, {
      ...{ clock, timers, random, relays: this.tracedRelays, ...(standbys && { standbys }) },
      mapping: () => situation.reach?.mapping,
      openPort: (family) => openExtraPort(runtime, family, receive),
      onStuck: (tunnel) => this.options.onStuck(tunnel),
      onMoveKnown: (tunnel, whose) => this.moveKnown(tunnel, whose),
      onDoubt: (tunnel, is) => this.doubted(tunnel, is),
      onFigure8: (...tried) => traceFigure8(this.options.trace, this.options.part, ...tried),
    });
    this.pathsIfMade = paths;
    return (this.packetModule = packets);
  }

  /** The ways that tunnels may take. */
  get paths(): Paths {
    void this.packets;
    return this.pathsIfMade!;
  }

  get stack(): Stack {
    if (this.virtualStack) return this.virtualStack;
    const { clock, timers, random } = this.options.runtime;
    this.virtualStack = new Stack({
      ...{ clock, timers, random },
      output: this.captured('out', (packet) => this.output(packet)),
      inbound: this.inbound,
      onStalled: (address) => this.stalled(address),
      onFault: (assertion) => this.stackFault(assertion),
    });
    if (this.addresses) this.virtualStack.configure(this.addresses, LEAST_MTU);
    return this.virtualStack;
  }

  /** The node's addresses are known, or are others than before. */
  configure(fqdn: string, addresses: VirtualAddresses): void {
    this.addresses = addresses;
    this.options.capture?.name(fqdn, addresses);
    this.virtualStack?.configure(addresses, LEAST_MTU);
  }

  /** Sockets by other interfaces than packets leave by. */
  others(family: 4 | 6): readonly Via[] {
    if (this.options.standby !== 'off') void this.packets; // makes them
    return this.standbys?.vias(family) ?? [];
  }

  /** A tunnel's datagram. */
  receive(datagram: Uint8Array, from: Endpoint): void {
    // The same path again where it fits: a tunnel then knows it by identity.
    if (this.lastPath?.endpoint !== from) this.lastPath = { kind: 'direct', endpoint: from };
    this.packets.receive(datagram, this.lastPath);
  }

  /** A frame from a relay server, on a path that this node has bound. */
  receiveRelayed(frame: Uint8Array, path: RelayPath): void {
    this.packets.receive(relayedDatagram(frame), path);
  }

  /** This host is in another network: to how many correspondent nodes a notice went. See Handover of `oldDelivers`. */
  hostMoved(oldDelivers: boolean): number {
    this.oldDelivers = oldDelivers;
    return this.pathsIfMade?.hostMoved() ?? 0;
  }

  /** True when this endpoint was only tried: that it cannot be sent to means nothing. */
  sendFailed(to: Endpoint): boolean {
    return this.pathsIfMade?.sendFailed(to) ?? false;
  }

  /** The path to a correspondent node is another one. */
  pathChanged(addresses: VirtualAddresses | undefined, change: PathChange = {}): void {
    if (!addresses) return;
    for (const address of [addresses.ipv4, addresses.ipv6]) this.virtualStack?.pathChanged(address, change);
  }

  /** The correspondent node with these addresses is not there, or may not be reached. */
  unreachable({ ipv4, ipv6 }: VirtualAddresses, cause: NtmError): void {
    const reason = cause.code === 'NTM_NOT_ALLOWED' ? 'EACCES' : 'EHOSTUNREACH';
    for (const address of [ipv4, ipv6]) this.virtualStack?.unreachable(address, reason, cause);
  }

  /** What a correspondent node may reach here, by the policy of the network. Connections that it may not have end. */
  permit(fqdn: string, { ipv4, ipv6 }: VirtualAddresses, permits: readonly string[] | undefined): void {
    if (!this.inbound.permit(fqdn, permits) || !permits) return;
    const isPermitted = (port: number): boolean => this.inbound.permits(fqdn, 'tcp', port);
    for (const address of [ipv4, ipv6]) this.virtualStack?.revoke(address, isPermitted);
  }

  /** Nothing may pass between this node and that one any more. */
  forbid(addresses: VirtualAddresses, cause: NtmError): void {
    this.unreachable(addresses, cause);
    for (const address of [addresses.ipv4, addresses.ipv6]) this.virtualStack?.revoke(address, undefined, cause);
  }

  isOwn(address: string): boolean {
    return address === this.addresses?.ipv4 || address === this.addresses?.ipv6;
  }

  statistics(): Statistics {
    const { packetModule, pathsIfMade, virtualStack, inbound } = this;
    return statisticsOf(packetModule, pathsIfMade, virtualStack, inbound, this.options.runtime.clock.now());
  }

  /**
   * Returns what it all came to. The stack goes first: the resets of open connections still go through their tunnels,
   * as a kernel would send them. Servers can be sent to until `closeOthers`.
   */
  close(): Statistics {
    this.virtualStack?.close();
    const last = this.statistics();
    this.packetModule?.close();
    this.options.capture?.close();
    return last;
  }

  closeOthers(): void {
    this.standbys?.close();
  }

  private captured(direction: 'in' | 'out', next: (packet: Uint8Array) => void): (packet: Uint8Array) => void {
    const { capture } = this.options;
    if (!capture) return next;
    return (packet) => {
      capture.packet(packet, direction);
      next(packet);
    };
  }

  private output(packet: Uint8Array): void {
    if (this.packets.encapsulate(packet) !== 'no-tunnel' || !this.isOwn(formatIp(destinationOf(packet)))) return;
    const copy = new Uint8Array(packet);
    queueMicrotask(() => this.virtualStack?.input(copy));
  }

  /** In a buffer that is used again: nothing keeps what is transmitted. */
  private relay(datagram: Uint8Array, path: RelayPath): void {
    const length = RELAY_HEADER_LENGTH + datagram.length;
    if (this.frame.length < length) this.frame = new Uint8Array(Math.max(length, FRAME_BUFFER_BYTES));
    writeRelayHeader(this.frame, path.pathId);
    this.frame.set(datagram, RELAY_HEADER_LENGTH);
    this.options.relays().send(new Uint8Array(this.frame.buffer, 0, length), path);
  }

  private onTunnelEvent(event: TunnelEvent): void {
    const { trace, part, isHandover } = this.options;
    traceTunnel(trace, part, event, 'tunnel' in event && isHandover(event.tunnel.fqdn));
    this.options.onTunnelEvent(event);
    if (event.kind !== 'established' && event.kind !== 'roamed') return;
    const { fqdn, path, virtualAddresses } = event.tunnel;
    this.options.capture?.name(fqdn, virtualAddresses);
    const why = this.tellRoute(event.tunnel);
    this.pathMtus?.look(event.tunnel);
    if (event.kind === 'established') return this.pathsIfMade?.established(event.tunnel);
    this.pathsIfMade?.roamed(event.tunnel);
    const rttMs = this.pathsIfMade?.rttMs(event.tunnel, path);
    this.pathChanged(virtualAddresses, { rttMs, oldDelivers: why === 'better' });
  }

  /** What waits for a retransmission goes at once: the peer has it, or this node has, where it is now; or soon has. */
  private moveKnown(tunnel: Tunnel, whose: MoveKnown): void {
    const { trace, part, onMoveConfirmed } = this.options;
    const { fqdn, path, virtualAddresses } = tunnel;
    trace({ part, event: MOVE_EVENTS[whose], peer: fqdn, path: describePath(path) });
    if (whose === 'announced') this.pathMtus?.leave(tunnel);
    if (whose === 'own' || whose === 'interface') this.pathMtus?.moved(tunnel);
    if (whose === 'own') onMoveConfirmed();
    if (whose === 'interface') this.options.onInterface();
    const oldDelivers = (whose === 'announced' || whose === 'own') && this.oldDelivers;
    this.pathChanged(virtualAddresses, { rttMs: this.pathsIfMade?.rttMs(tunnel, path), oldDelivers });
  }

  private doubted(tunnel: Tunnel, is: 'begun' | 'over'): void {
    const { trace, part } = this.options;
    const { fqdn, path, virtualAddresses } = tunnel;
    if (is === 'over') return this.pathMtus!.believe(tunnel);
    const mtu = this.pathMtus!.doubt(tunnel);
    trace({ part, event: 'path doubted', peer: fqdn, path: describePath(path), mtu });
    for (const address of [virtualAddresses.ipv4, canonicalIp(virtualAddresses.ipv6)])
      this.stack.pathDoubted(address, mtu);
  }

  private get tracedRelays(): Relays {
    const { trace, part, onInterface } = this.options;
    const relays = this.options.relays();
    return {
      heardMs: (path) => relays.heardMs(path),
      call: (path) => relays.call(path),
      reachBy(path, via) {
        trace({ part, event: 'relay reached', path: describePath(path), from: via?.address ?? 'any' });
        relays.reachBy(path, via);
        onInterface();
      },
    };
  }

  private tellRoute(tunnel: Tunnel): RouteReason {
    const [from, to] = [this.routes.get(tunnel), describePath(tunnel.path)];
    const why = this.paths.whyChanged(tunnel);
    this.routes.set(tunnel, to);
    if (from !== to) this.options.onRoute({ peer: tunnel.fqdn, from, to, why });
    return why;
  }

  private setPathMtu({ fqdn, path, virtualAddresses }: Tunnel, mtu: number): void {
    const { trace, part } = this.options;
    trace({ part, event: 'path mtu', peer: fqdn, path: describePath(path), mtu });
    this.stack.setPathMtu(virtualAddresses.ipv4, mtu);
    this.stack.setPathMtu(canonicalIp(virtualAddresses.ipv6), mtu);
  }

  private stackFault(assertion: string): void {
    const { trace, part, onStackFault } = this.options;
    trace({ part, event: 'stack fault', assertion });
    onStackFault(assertion);
  }

  private stalled(address: string): void {
    const tunnel = this.packets.tunnelTo(address);
    if (!tunnel) return;
    this.pathMtus?.stalled(tunnel);
    this.options.onStalled(tunnel);
  }
}

function loadPacketModule(): typeof import('./packet/packet-module') {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return require('./packet/packet-module') as typeof import('./packet/packet-module');
}
