/** The paths of all tunnels (tunnel-paths.ts): who is told what. */
import type { Endpoint } from '../../wire/addresses';
import type { Path, RelayPath, Via } from '../path';
import { decodePathMessage } from '../path-probe';
import type { Tunnel } from '../wireguard/tunnel';
import type { RouteReason, TunnelPathsPorts, Whereabouts } from './paths-contract';
import { TunnelPaths } from './tunnel-paths';

export class Paths {
  private readonly all = new Map<Tunnel, TunnelPaths>();
  /** Of this host to other networks, and of its tunnels to other interfaces. */
  private moves = 0;

  /** `ownPublicKey`: of the two nodes, the one with the smaller key chooses among paths of one kind. */
  constructor(
    private readonly ownPublicKey: Uint8Array,
    private readonly ports: TunnelPathsPorts,
  ) {}

  /** Where the DC says that the correspondent node may be. */
  introduce(tunnel: Tunnel, whereabouts: Whereabouts): void {
    let paths = this.all.get(tunnel);
    if (!paths) {
      const isLeader = Buffer.compare(this.ownPublicKey, tunnel.publicKey) < 0;
      const nextMove = (): number => ++this.moves;
      this.all.set(tunnel, (paths = new TunnelPaths(tunnel, isLeader, this.ports, nextMove)));
    }
    paths.introduce(whereabouts);
  }

  established(tunnel: Tunnel): void {
    this.all.get(tunnel)?.established();
  }

  roamed(tunnel: Tunnel): void {
    this.all.get(tunnel)?.roamed();
  }

  /** See TunnelContext.packetSent. */
  sent(tunnel: Tunnel, nowMs: number): Path | undefined {
    return this.all.get(tunnel)?.sent(nowMs);
  }

  follows(tunnel: Tunnel, from: Path): boolean {
    return this.all.get(tunnel)?.follows(from) ?? true;
  }

  /** True when it was a probe, or an answer to one of these. */
  receive(control: Uint8Array, tunnel: Tunnel, from: Path): boolean {
    const message = decodePathMessage(control);
    return message !== undefined && (this.all.get(tunnel)?.receive(message, from) ?? false);
  }

  /** This host is in another network: to how many correspondent nodes a notice went. */
  hostMoved(): number {
    const told = [...this.all.values()].filter((paths) => paths.hostMoved());
    for (const { tunnel } of told) this.ports.onMoveKnown(tunnel, 'announced');
    return told.length;
  }

  /** The relay server knows where this node is now: what was sent that way before is lost. */
  relayBound(tunnel: Tunnel): void {
    this.all.get(tunnel)?.relayBound();
  }

  /** Why the tunnel takes another path than before. */
  whyChanged(tunnel: Tunnel): RouteReason {
    return this.all.get(tunnel)?.takeReason() ?? 'directed';
  }

  /** True when this endpoint was only tried: that it cannot be sent to means nothing. */
  sendFailed(to: Endpoint): boolean {
    let isTried = false;
    for (const paths of this.all.values()) isTried = paths.sendFailed(to) || isTried;
    return isTried;
  }

  relayLost(tunnel: Tunnel, path: RelayPath): void {
    this.all.get(tunnel)?.relayLost(path);
  }

  /** Whether this path is used by the tunnel, or may have to be at any moment. */
  wants(tunnel: Tunnel, path: Path): boolean {
    return this.all.get(tunnel)?.wants(path) ?? false;
  }

  /** Where to send, of what the DC offers and of what works already. `isHandover`: because one of the two has moved. */
  better(tunnel: Tunnel | undefined, offered: Path, isHandover: boolean): Path {
    const paths = tunnel && this.all.get(tunnel);
    return paths && (isHandover ? paths.isDirectSinceMove : paths.isDirect) ? tunnel.path : offered;
  }

  /** Smoothed round trip time in milliseconds; undefined when it was not measured. */
  rttMs(tunnel: Tunnel, path: Path): number | undefined {
    return this.all.get(tunnel)?.rttMs(path);
  }

  /** Whether a tunnel's packets go by this socket. */
  takes(via: Via): boolean {
    return [...this.all.values()].some((paths) => paths.takes(via));
  }

  end(tunnel: Tunnel): void {
    this.all.get(tunnel)?.close();
    this.all.delete(tunnel);
  }
}
