/**
 * Moves of the two ends of a tunnel to other networks, each told to the other by a notice: a probe that says so.
 *
 *   own     announced -- the peer has answered, by whatever path --> confirmed
 *   peer's  told by a relay --> followed there, soon, unless the peer is heard straight; told straight --> followed at once
 *
 * Moves are numbered by who moves. A notice is authentic and new (the replay window), so that it is believed at once,
 * whoever leads; one of an earlier move was overtaken, and says where the peer was. A notice goes over all paths at
 * once, and the first straight one that arrives decides.
 */
import type { Clock } from '../../runtime';
import { type Endpoint, familyOf } from '../../wire/addresses';
import { isStandby, samePath, type Path } from '../path';

/** So long after a move packets still go straight, though the relay has answered already. */
const STRAIGHT_FIRST_MS = 60;
/** The same at the other end, which got the notice by the relay: notices leave at the same time. */
export const RELAYED_NOTICE_MS = 30;
/** What was found out since a move so long ago is better than what a DC says because of it. */
const RECENT_MS = 10_000;

/** Where packets go after a move to a network that has not the IP version of a direct path; undefined: it has. */
export function ofOtherVersion({ kind, endpoint }: Path, elsewhere: readonly Endpoint[]): Endpoint | undefined {
  const isReached = elsewhere.some((each) => familyOf(each) === familyOf(endpoint));
  return kind === 'relay' || isReached ? undefined : elsewhere[0];
}

export class Moves {
  private own = { number: 0, atMs: -Infinity, isConfirmed: true, isOfHost: true };
  /** The peer may not know of the host's last move, though it was told of another interface since. */
  private isHostMoveOwed = false;
  private peers: { number: number; atMs: number; followed?: boolean } = { number: 0, atMs: -Infinity };

  constructor(private readonly clock: Clock) {}

  /** This host is in another network; or `isOfHost` is false, and this tunnel takes another of its interfaces. */
  begin(number: number, isOfHost = true): void {
    this.own = { number, atMs: this.clock.now(), isConfirmed: false, isOfHost };
    this.isHostMoveOwed ||= isOfHost;
  }

  /** The number of this host's move while the peer may not know of it. */
  get announced(): number | undefined {
    return this.own.isConfirmed ? undefined : this.own.number;
  }

  /**
   * The same where a probe of this path tells of it. The peer follows a notice to where it came from: never to an
   * interface that only stands by, or was left.
   */
  announcedBy(path: Path, inUse: Path): number | undefined {
    const isOrdinary = !isStandby(path) && (this.own.isOfHost || !isStandby(inUse));
    return isOrdinary || samePath(path, inUse) ? this.announced : undefined;
  }

  /** The peer has answered since. What it knows by that, the first time: where this host is, or by which interface. */
  confirm(): 'own' | 'interface' | undefined {
    if (this.own.isConfirmed) return undefined;
    const whose = this.isHostMoveOwed ? 'own' : 'interface';
    this.own.isConfirmed = true;
    this.isHostMoveOwed = false;
    return whose;
  }

  /** For how long packets stay on a direct path of which nothing is known since this host's move, milliseconds. */
  get straightForMs(): number {
    return Math.max(0, this.own.atMs + STRAIGHT_FIRST_MS - this.clock.now());
  }

  /** A notice of the peer's: news, one more of the same move, or overtaken by a later one. */
  heard(number: number): 'news' | 'again' | 'old' {
    if (number < this.peers.number) return 'old';
    if (number === this.peers.number) return 'again';
    this.peers = { number, atMs: this.clock.now() };
    return 'news';
  }

  /** Whether the peer, of which a notice came straight, is to be followed where it came from: once for each move. */
  follows(): boolean {
    const isFirst = !this.peers.followed;
    this.peers.followed = true;
    return isFirst;
  }

  /** One of the two ends is elsewhere since a moment ago. */
  get isRecent(): boolean {
    return this.clock.now() - Math.max(this.own.atMs, this.peers.atMs) < RECENT_MS;
  }

  /** The peer is introduced anew, and may be another process, which counts from one. */
  introduced(): void {
    this.peers = { ...this.peers, number: 0 };
  }
}
