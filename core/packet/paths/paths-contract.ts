/** What a tunnel's paths need and tell (tunnel-paths.ts). */
import type { Clock } from '../../runtime';
import type { Endpoint } from '../../wire/addresses';
import type { Path, RelayPath } from '../path';
import type { Tunnel } from '../wireguard/tunnel';
import type { Relays } from './relay-standby';
import type { ScatterPorts } from './scatter';
import type { Standbys } from './standby';

export interface TunnelPathsPorts extends ScatterPorts {
  readonly clock: Clock;
  /** Not there: the host has one interface, or it cannot be known. */
  readonly standbys?: Standbys;
  readonly relays?: Relays;
  /** No path works, as far as this node can tell. At most every ten seconds. */
  onStuck(tunnel: Tunnel): void;
  /**
   * Packets may arrive again: this host has said that it is elsewhere; the peer has heard it, or that this tunnel goes
   * by another interface; the peer has said so of itself, by the path that is in use; or it is back after no path had
   * worked for a while.
   */
  onMoveKnown(tunnel: Tunnel, whose: MoveKnown): void;
  /** The path in use may be dead: packets take another one, too, and have to fit into that; or they do not any more. */
  onDoubt(tunnel: Tunnel, is: 'begun' | 'over'): void;
  /** Figure 8: the first probe to each path, the first by each, and the first answer. */
  onFigure8(tunnel: Tunnel, what: 'request-sent' | 'request-received' | 'response-received', path: Path): void;
}

/** What the DC says of the correspondent node. */
export interface Whereabouts {
  readonly endpoints: readonly Endpoint[];
  /** Of all its endpoints, those that this host may reach in the network where it is then. */
  elsewhere?(): readonly Endpoint[];
  readonly relay?: RelayPath | undefined;
  /** Of the NAT that it is behind. */
  readonly mapping?: Mapping | undefined;
}

/**
 * Why a tunnel takes another path: one end moved, it is better, the one before is silent or nothing can be sent there,
 * the peer sends from there, or the DC has said so.
 */
export type RouteReason = 'handover' | 'better' | 'silent' | 'unsendable' | 'peer' | 'directed';

export type MoveKnown = 'announced' | 'own' | 'interface' | 'peers' | 'back';

export type Mapping = 'independent' | 'dependent';
