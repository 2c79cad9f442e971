/**
 * The correspondent nodes of this node: names resolved, tunnels constructed on demand, and what failed and why.
 * Here negotiation (who is where) meets packet manipulation (the tunnel); see node.ts for the rest of the wiring.
 *
 *   unknown -- lookup --> directed -- Tunnel Request/Response --> established
 *                 |           '------ no answer ----------------> failed (for a moment), then asked anew
 *                 '-- absent --> failed (for a moment), addresses known
 */
import { newConstruction, type Construction } from './construction';
import { isEstablished, type Correspondent } from './correspondent';
import { NtmError } from './errors';
import {
  AbsentError,
  isLoss,
  KnownNodeError,
  NotAllowedError,
  type Direction,
  type Directions,
} from './negotiation/directions';
import type { RelayBindings, RelayOffer } from './negotiation/relay-bindings';
import type { PacketModule, TunnelEvent } from './packet/packet-module';
import { samePath, type Path, type RelayPath } from './packet/path';
import type { Paths } from './packet/paths/paths';
import type { Discovery } from './reach/discovery';
import { Redirections } from './redirections';
import type { Clock, Timer, Timers } from './runtime';
import type { Endpoint, VirtualAddresses } from './wire/addresses';
import { canonicalIp } from './wire/ip-text';
import type { Body } from './wire/messages';

/** A failure is told to everybody who asks within this time, so that a busy client does not flood the DC. */
const FAILURE_MS = 1_000;
/** The side that awaits the Tunnel Request sends its own when none has come by then: the other may not reach us. */
const AWAIT_REQUEST_MS = 300;
/** In a node that does not know yet whether it is reached: the DC takes it for one that is. */
const AWAIT_REQUEST_UNSURE_MS = 150;
/**
 * When nothing at all has come through the tunnel for this long after a connection was begun, the DC is asked again:
 * a correspondent that restarted is found soon, and not after the 15 s that the tunnel needs to notice the silence.
 */
const DOUBT_MS = 500;
/** Enough for NATs that forget a UDP mapping after 30 s (RFC 4787 REQ-5 asks for two minutes). */
const TUNNEL_KEEP_ALIVE_MS = 25_000;
const CORRESPONDENTS_LIMIT = 4_096;
/** While a tunnel's relay is lost and no other can be had: the DC is asked again. */
const RELAY_RETRY_MS = 2_000;

export interface CorrespondentsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly packets: () => PacketModule;
  readonly paths: () => Paths;
  readonly directions: Directions;
  readonly relays: RelayBindings;
  readonly situation: Pick<Discovery, 'isUnsure' | 'keepAlive' | 'takeNewsForPaths'>;
  /** Rejects with the reason why the DC cannot be asked now. */
  whenJoined(): Promise<void>;
  /** Whether a datagram can be sent to this endpoint at all: is there a socket of its IP version? */
  canSendTo(endpoint: Endpoint): boolean;
  /** A tunnel that the DC directed anew is there, or goes another way: what waits for retransmission may go at once. */
  onPathChanged(addresses: VirtualAddresses): void;
  /** The DC says that this node is not there (any more), or may not be reached. */
  onAbsent(addresses: VirtualAddresses, error: NtmError): void;
  /** What this node may reach here; undefined: everything, or there is no tunnel any more. */
  onPermits(fqdn: string, addresses: VirtualAddresses, permits: readonly string[] | undefined): void;
  /** Neither may reach the other any more: connections end. */
  onForbidden(addresses: VirtualAddresses, error: NtmError): void;
}

export class Correspondents {
  private readonly byName = new Map<string, Correspondent>();
  private readonly byAddress = new Map<string, Correspondent>();
  private readonly redirections: Redirections;

  constructor(private readonly options: CorrespondentsOptions) {
    this.redirections = new Redirections({
      ...options,
      all: () => this.byName.values(),
      direct: (fqdn) => this.direct(fqdn, true),
      failed: (known, error) => this.failed(known, error),
    });
    options.situation.keepAlive.onChange((intervalMs) => {
      for (const { tunnel } of this.byName.values()) if (tunnel) tunnel.activeKeepaliveMs = intervalMs;
    });
  }

  /** See VirtualNetwork.lookup. `fqdn` is in normal form. */
  async lookup(fqdn: string): Promise<VirtualAddresses> {
    return this.recall(fqdn) ?? this.ask(fqdn, fqdn);
  }

  /** Without the DC: of a node to which there is a tunnel, is about to be, or just could not be one. */
  recall(fqdn: string): VirtualAddresses | undefined {
    const known = this.byName.get(fqdn);
    const isCurrent = known && (isEstablished(known) || known.construction || this.recentFailure(known));
    return isCurrent ? known.addresses : undefined;
  }

  /** See VirtualNetwork.reach. `address` is canonical. */
  reach(address: string, correspondent?: 'perhaps silent'): Promise<void> | undefined {
    const known = this.byAddress.get(address);
    if (known && isEstablished(known)) return correspondent === 'perhaps silent' ? undefined : this.doubt(known);
    const failure = known && this.recentFailure(known);
    if (failure) return Promise.reject(failure);
    return known?.construction?.done ?? this.construct(address);
  }

  nameOf(address: string): string | undefined {
    return this.byAddress.get(address)?.fqdn;
  }

  /** As the DC says now, also of a node to which there is a tunnel. False when it cannot be asked. Never rejects. */
  async isAbsent(address: string): Promise<boolean> {
    const known = this.byAddress.get(address);
    if (!known) return false;
    try {
      await this.ask(known.fqdn, known.fqdn);
    } catch {
      return false;
    }
    return known.failure?.error instanceof AbsentError;
  }

  /** Constructs the tunnel as the DC directs, on either side (Figure 5 steps 12 and 15, Figure 7 steps 23 and 26). */
  follow(direction: Direction, handover = false): void {
    const { correspondent, relay, endpoints } = direction;
    const known = this.remember(correspondent.fqdn, correspondent.addresses);
    known.failure = undefined;
    known.direction = direction;
    this.options.onPermits(known.fqdn, known.addresses, direction.permits);
    known.handover = handover;
    known.construction ??= newConstruction();
    if (relay) return void this.followByRelay(known, direction, relay);
    const endpoint = endpoints.find(this.options.canSendTo);
    if (endpoint) return this.constructBy(known, direction, { kind: 'direct', endpoint });
    const { fqdn } = known;
    this.failed(known, new NtmError('NTM_NO_ROUTE', `there is no IP version in common with ${fqdn}`));
  }

  /** The policy of the network has changed for a node to which there may be a tunnel. */
  permit({ fqdn, permits, ended }: Body<'policyDirection'>): void {
    const known = this.byName.get(fqdn);
    if (!known) return;
    if (!ended) return this.options.onPermits(fqdn, known.addresses, permits);
    const error = new NotAllowedError(fqdn);
    this.options.onForbidden(known.addresses, error);
    this.forget(known, error);
  }

  /** The relay server of this path has heard of this node from another place than before. */
  relayBound(fqdn: string): void {
    const tunnel = this.byName.get(fqdn)?.tunnel;
    if (tunnel) this.options.paths().relayBound(tunnel);
  }

  isHandover(fqdn: string): boolean {
    return this.byName.get(fqdn)?.handover ?? false;
  }

  /** This host has changed its network: every tunnel in use is directed anew. */
  hostMoved(): void {
    this.options.directions.hostMoved();
    this.redirections.begin();
  }

  /** The DC knows where this node is. */
  registered(): void {
    this.redirections.rest();
  }

  /** Whether the tunnel to this node goes this way, or may have to, and something has come through it lately. */
  wants(fqdn: string, path: Path): boolean {
    const tunnel = this.byName.get(fqdn)?.tunnel;
    return tunnel?.state === 'established' && this.options.paths().wants(tunnel, path);
  }

  /** The relay server of this path does not serve it any more, or soon will not. */
  relayLost(fqdn: string, path: RelayPath): void {
    const known = this.byName.get(fqdn);
    if (known?.tunnel) this.options.paths().relayLost(known.tunnel, path);
    if (!known?.tunnel || known.tunnel.state === 'idle' || !samePath(known.tunnel.path, path)) return;
    this.renew(fqdn);
    known.retry?.cancel();
    known.retry = this.options.timers.schedule(RELAY_RETRY_MS, () => this.relayLost(fqdn, path));
  }

  /** With whom there are tunnels. */
  withTunnels(): { fqdn: string; publicKey: Uint8Array }[] {
    return [...this.byName.values()].flatMap(({ fqdn, tunnel }) =>
      tunnel && tunnel.state !== 'idle' ? [{ fqdn, publicKey: tunnel.publicKey }] : [],
    );
  }

  /** The operator has put this node out of the network. */
  end(fqdn: string, error: NtmError): void {
    const known = this.byName.get(fqdn);
    if (!known) return;
    // While the tunnel is there, for the resets of its connections.
    this.options.onForbidden(known.addresses, error);
    this.options.relays.releaseAll(fqdn);
    this.forget(known, error);
  }

  /** This node is out of the network itself. */
  endAll(error: NtmError): void {
    for (const fqdn of [...this.byName.keys()]) this.end(fqdn, error);
  }

  onTunnelEvent(event: TunnelEvent): void {
    if (!('tunnel' in event)) return;
    const known = this.byName.get(event.tunnel.fqdn);
    if (!known || known.tunnel !== event.tunnel) return;
    switch (event.kind) {
      case 'established':
        if (!known.construction) return;
        known.construction.succeed();
        known.construction = undefined;
        return this.options.onPathChanged(known.addresses);
      case 'unanswered':
        return this.unanswered(known);
      default:
    }
  }

  /** The path is bound before the tunnel goes there, so that nothing is lost on the way over. */
  private async followByRelay(known: Correspondent, direction: Direction, offer: RelayOffer): Promise<void> {
    const isCurrent = (): boolean => known.direction === direction && this.byName.get(known.fqdn) === known;
    try {
      const path = await this.options.relays.bind(known.fqdn, offer);
      if (isCurrent()) this.constructBy(known, direction, path);
    } catch (error) {
      if (isCurrent()) this.failed(known, error as Error);
    }
  }

  private constructBy(known: Correspondent, direction: Direction, offered: Path): void {
    const { correspondent, presharedKey, turn } = direction;
    const { packets, paths, canSendTo } = this.options;
    const endpoints = direction.endpoints.filter(canSendTo);
    const relay = offered.kind === 'relay' ? offered : undefined;
    const before = known.tunnel?.state === 'established' ? known.tunnel.path : undefined;
    const tunnel = packets().setTunnel({
      ...{ fqdn: known.fqdn, publicKey: correspondent.publicKey, presharedKey },
      virtualAddresses: correspondent.addresses,
      path: paths().better(known.tunnel, offered, known.handover ?? false),
      alternatives: relay ? [] : endpoints.slice(1).map((endpoint) => ({ kind: 'direct', endpoint })),
      persistentKeepaliveMs: TUNNEL_KEEP_ALIVE_MS,
      activeKeepaliveMs: this.options.situation.keepAlive.intervalMs,
    });
    const elsewhere = (): Endpoint[] => direction.endpoints.filter(canSendTo);
    paths().introduce(tunnel, { endpoints, elsewhere, relay, mapping: direction.mapping });
    known.tunnel = tunnel;
    if (before && !samePath(before, tunnel.path)) this.options.onPathChanged(known.addresses);
    known.retry?.cancel();
    known.construction ??= newConstruction();
    if (turn === 'request') tunnel.requestTunnel();
    else this.requestUnlessRequested(known, known.construction);
  }

  private doubt(known: Correspondent): undefined {
    const { clock, timers } = this.options;
    const sinceMs = clock.now();
    known.doubt ??= timers.schedule(DOUBT_MS, () => {
      known.doubt = undefined;
      if (known.tunnel && known.tunnel.lastReceivedMs < sinceMs) this.renew(known.fqdn);
    });
  }

  /** This node knows more about itself than when its tunnels began on relays: perhaps they need none. */
  situationChanged(): void {
    const relayed = [...this.byName.values()].filter(({ tunnel }) => tunnel?.path.kind === 'relay');
    if (relayed.length === 0 || !this.options.situation.takeNewsForPaths()) return; // kept for who is asked for just now
    for (const known of relayed) {
      void known.construction?.done.then(() => this.renew(known.fqdn)).catch(() => {}); // who waits for it is told
      if (isEstablished(known)) this.renew(known.fqdn);
    }
  }

  /** Asks the DC anew: the correspondent may have restarted, or be elsewhere. */
  renew(fqdn: string): void {
    const known = this.byName.get(fqdn);
    if (!known || known.construction || this.recentFailure(known)) return;
    this.ask(fqdn, fqdn).catch((error: Error) => this.failed(known, error));
  }

  private unanswered(known: Correspondent): void {
    if (known.construction) {
      return this.failed(known, new NtmError('NTM_NODE_UNREACHABLE', `${known.fqdn} does not answer Tunnel Requests`));
    }
    this.renew(known.fqdn);
  }

  private async construct(address: string): Promise<void> {
    await this.ask(address, undefined);
    const known = this.byAddress.get(address);
    const failure = known && this.recentFailure(known);
    if (failure) throw failure;
    if (!known) throw new NtmError('NTM_NO_SUCH_NAME', `no node has the address ${address}`);
    await known.construction?.done;
  }

  private async ask(target: string, fqdn: string | undefined): Promise<VirtualAddresses> {
    try {
      return (await this.direct(target)).correspondent.addresses;
    } catch (error) {
      const name = fqdn ?? this.byAddress.get(target)?.fqdn;
      if (!(error instanceof KnownNodeError) || !error.addresses || !name) throw error;
      this.failed(this.remember(name, error.addresses), error);
      if (!fqdn) throw error;
      return error.addresses;
    }
  }

  /** Once more when the DC was not there: it may be at another endpoint, or this node has logged in again meanwhile. */
  private async direct(target: string, handover = false): Promise<Direction> {
    const { directions, whenJoined } = this.options;
    await whenJoined();
    try {
      return await directions.ask(target, handover);
    } catch (error) {
      if (!isLoss(error)) throw error;
      await whenJoined();
      return directions.ask(target, handover);
    }
  }

  private requestUnlessRequested(known: Correspondent, construction: Construction): void {
    const awaitMs = this.options.situation.isUnsure ? AWAIT_REQUEST_UNSURE_MS : AWAIT_REQUEST_MS;
    const timer: Timer = this.options.timers.schedule(awaitMs, () => known.tunnel?.requestTunnel());
    const cancel = (): void => timer.cancel();
    construction.done.then(cancel, cancel);
  }

  private failed(known: Correspondent, error: Error): void {
    known.failure = { error, untilMs: this.options.clock.now() + FAILURE_MS };
    known.construction?.fail(error);
    known.construction = undefined;
    if (error instanceof KnownNodeError) this.options.onAbsent(known.addresses, error);
  }

  private recentFailure(known: Correspondent): Error | undefined {
    return known.failure && this.options.clock.now() < known.failure.untilMs ? known.failure.error : undefined;
  }

  private remember(fqdn: string, { ipv4, ipv6 }: VirtualAddresses): Correspondent {
    const addresses = { ipv4, ipv6: canonicalIp(ipv6) };
    const known = this.byName.get(fqdn);
    if (known && known.addresses.ipv4 === addresses.ipv4 && known.addresses.ipv6 === addresses.ipv6) return known;
    if (known) this.forget(known);
    if (this.byName.size >= CORRESPONDENTS_LIMIT) this.forgetOne();
    const correspondent: Correspondent = { fqdn, addresses };
    this.byName.set(fqdn, correspondent);
    this.byAddress.set(addresses.ipv4, correspondent);
    this.byAddress.set(addresses.ipv6, correspondent);
    return correspondent;
  }

  /** Makes room: the oldest that has no tunnel, or the oldest. */
  private forgetOne(): void {
    const all = [...this.byName.values()];
    const oldest = all.find((known) => !isEstablished(known)) ?? all[0];
    if (oldest) this.forget(oldest);
  }

  private forget(known: Correspondent, why = forgottenForRoom(known.fqdn)): void {
    this.byName.delete(known.fqdn);
    this.byAddress.delete(known.addresses.ipv4);
    this.byAddress.delete(known.addresses.ipv6);
    known.doubt?.cancel();
    known.retry?.cancel();
    known.isUndirected = false;
    if (known.tunnel) this.options.packets().removeTunnel(known.tunnel.publicKey);
    this.options.onPermits(known.fqdn, known.addresses, undefined);
    known.construction?.fail(why);
  }
}

function forgottenForRoom(fqdn: string): NtmError {
  return new NtmError('NTM_NODE_UNREACHABLE', `${fqdn} was forgotten for want of room`);
}
