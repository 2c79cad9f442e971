/**
 * The paths of one tunnel (paper 3.4, Figure 8, and beyond it): each endpoint at which the peer may be, and the relay.
 * Both nodes send sealed probes to all of the other's endpoints from the tunnel's own socket at the same time, which
 * opens their NATs for each other (RFC 5128 section 3.3); who is answered by a path may send by it.
 *
 *   begin      the tunnel is established: rounds of probes, soon after each other and then rarer
 *   probed     answered the way it came; a path that was not known is tried in return (RFC 8445 section 7.3.1.4)
 *   answered   the path works, so fast; the best one is used (path-choice.ts)
 *   sent       a packet goes out: something should be heard by the path it takes, else it is probed, and left; after
 *              a silence it takes the relay, too (patience.ts)
 *   moved      one of the two is in another network: all begins anew, with notices instead of probes (moves.ts)
 *
 * A path by another interface of the host stands by (standby.ts), and takes over when this one's falls silent.
 *
 * Liveness is of each path: that the relay is heard says nothing of a direct one. While packets flow, all paths that
 * work are probed now and then; an idle tunnel sends none.
 */
import type { Timer } from '../../runtime';
import type { Endpoint } from '../../wire/addresses';
import { boundTo, isStandby, samePath, type Path, type RelayPath, type StandbyPath, type Via } from '../path';
import { encodePathMessage, type PathMessage } from '../path-probe';
import type { Tunnel } from '../wireguard/tunnel';
import { afterReading } from './after-reading';
import { Moves, ofOtherVersion, RELAYED_NOTICE_MS } from './moves';
import { choosePath } from './path-choice';
import type { PathRecord } from './path-record';
import { PathRecords } from './path-records';
import { ACTIVE_MS, DEAD_MS, Patience, STUCK_MS } from './patience';
import { Probes } from './probes';
import type { RouteReason, TunnelPathsPorts, Whereabouts } from './paths-contract';
import { Rounds } from './rounds';
import { Scatter } from './scatter';
import { Silence } from './silence';
import { Standby } from './standby';

const MEASURE_MS = 2_000;

export class TunnelPaths {
  private readonly records: PathRecords;
  private readonly patience = new Patience();
  private readonly probes: Probes;
  private readonly rounds: Rounds;
  private readonly standby: Standby;
  private readonly silence: Silence;
  private readonly scatter: Scatter;
  private whereabouts: Whereabouts = { endpoints: [] };
  private ticking: Timer | undefined;
  private measuredMs = -Infinity;
  private sentSinceTick = false;
  private introducedMs = -Infinity;
  private lastActiveMs = -Infinity;
  private lastSwitchMs = -Infinity;
  private lastStuckMs = -Infinity;
  private reason: RouteReason | undefined;
  private readonly moves: Moves;
  private postponed: Timer | undefined;

  constructor(
    readonly tunnel: Tunnel,
    private readonly isLeader: boolean,
    private readonly ports: TunnelPathsPorts,
    /** Numbers this host's moves, of which this tunnel tells its peer. */
    private readonly nextMove: () => number,
  ) {
    this.records = new PathRecords(tunnel, ports.clock);
    this.probes = new Probes(tunnel, ports);
    this.standby = new Standby(tunnel, this.records, ports, (record) => this.probe(record));
    const { patience, standby } = this;
    this.silence = new Silence(tunnel, this.records, { patience, standby }, ports, {
      probe: (record) => this.probe(record),
      leave: (record) => this.leave(record, 'silent'),
      leaveInterface: (to) => this.leaveInterface(to),
      lookLater: () => this.tickLater(),
    });
    this.scatter = new Scatter(tunnel, ports, (via) => this.records.keeps(via));
    this.moves = new Moves(ports.clock);
    this.rounds = new Rounds(tunnel, this.records, ports, {
      probe: (record) => this.probe(record),
      isMoveUnknown: () => this.moves.announced !== undefined,
      lastActiveMs: () => this.lastActiveMs,
      onRelayed: () => this.scatter.begin(this.whereabouts),
    });
  }

  /** The DC says where the peer may be. What is known of endpoints that stay is kept. */
  introduce(whereabouts: Whereabouts): void {
    const { endpoints, relay } = whereabouts;
    const paths: Path[] = endpoints.map((endpoint) => ({ kind: 'direct', endpoint }));
    if (relay) paths.unshift(relay);
    this.whereabouts = whereabouts;
    this.introducedMs = this.now;
    this.moves.introduced();
    this.records.name(paths);
    this.scatter.introduced();
    if (this.tunnel.state === 'established') this.rounds.begin();
  }

  /** A handshake has gone over a path: not always the current one, which the peer may have left. */
  established(): void {
    if (samePath(this.tunnel.establishedBy, this.tunnel.path)) this.records.current?.proven();
    // What is measured while programs start says little: among direct paths the first one stays for a while.
    if (this.lastSwitchMs === -Infinity) this.lastSwitchMs = this.measuredMs = this.now;
    if (this.rounds.areOver && this.records.list.some(({ isUntried }) => isUntried)) this.rounds.begin();
  }

  /** The peer's newest packet came by a path that was not known, or this node has chosen another one. */
  roamed(): void {
    this.silence.reset();
    this.records.known(this.tunnel.path)?.proven();
  }

  /** Everything starts anew: this host is in another network. False: no peer is told. */
  hostMoved(): boolean {
    const elsewhere = this.whereabouts.elsewhere?.() ?? [];
    const instead = this.standby.isGone ? this.tunnel.path.endpoint : ofOtherVersion(this.tunnel.path, elsewhere);
    if (instead) this.use({ kind: 'direct', endpoint: instead }, 'handover');
    this.standby.hostMoved();
    this.moves.begin(this.nextMove());
    for (const endpoint of elsewhere) this.records.known({ kind: 'direct', endpoint });
    this.beginAnew();
    if (this.tunnel.state !== 'established') return false;
    this.rounds.begin();
    return true;
  }

  relayBound(): void {
    if (this.moves.announced !== undefined) this.rounds.begin();
  }

  takeReason(): RouteReason {
    const { reason = 'peer' } = this;
    this.reason = undefined;
    return reason;
  }

  /** True when it was an answer to a probe of these. */
  receive(message: PathMessage, from: Path): boolean {
    if (message.kind === 'answer') return this.answered(message.challenge, from);
    if (message.kind === 'call') this.standby.called(message);
    else if (isStandby(from) && !samePath(from, this.tunnel.path)) this.doubted(from);
    else this.probed(message, from);
    return true;
  }

  private probed(message: PathMessage, from: Path): void {
    this.tunnel.sendControl(encodePathMessage({ ...message, kind: 'answer' }), from);
    if (message.move !== undefined) this.peerMoved(message.move, from);
    else if (this.isAnotherDirect(from)) this.overtaken(from); // who only receives sends nothing else by it
    const record = this.records.known(from);
    if (!record?.isToBeTried(this.now)) return;
    if (record.isUntried) this.ports.onFigure8(this.tunnel, 'request-received', from);
    this.probe(record);
  }

  /** The peer was called to that interface, or asks by it as it hears nothing by the one in use: is that one silent? */
  private doubted(by: StandbyPath): void {
    this.standby.heard(by);
    this.silence.suspect();
    this.tickLater();
  }

  /** Whether packets go where the peer's newest came from. Paths that are known are chosen among, by the leader. */
  follows(from: Path): boolean {
    const record = this.records.find(from);
    if (isStandby(from)) return false; // as is that
    if (!record) return true;
    if (this.tunnel.path.kind === 'relay') return false; // why it is there, this node knows best
    const lastMs = this.tunnel.pathCounters.lastReceivedMs(this.tunnel.path);
    if (lastMs < this.introducedMs) return true; // the peer may be another process, of which nothing goes by this one
    return this.overtaken(from) && !this.isLeader;
  }

  private isAnotherDirect(path: Path): boolean {
    return path.kind === 'direct' && this.tunnel.path.kind === 'direct' && !samePath(path, this.tunnel.path);
  }

  /** Something newer came by another path than the one in use. True: the peer has left that. */
  private overtaken(by: Path): boolean {
    const hasLeft = this.silence.overtaken(by);
    this.tickLater();
    return hasLeft;
  }

  /** A packet of the stack's goes out. The result: another path that it takes as well. */
  sent(nowMs: number): Path | undefined {
    this.sentSinceTick = true;
    this.silence.sent();
    if (!this.patience.isWaiting) this.wait(nowMs);
    this.tickLater();
    return this.patience.copy(nowMs);
  }

  /** This host cannot send to this endpoint. True when it was only tried. */
  sendFailed(to: Endpoint): boolean {
    const record = this.records.at(to);
    if (!record) return false;
    if (record !== this.records.current) return true;
    if (this.moves.announced === undefined && this.records.otherThan(record)) this.leave(record, 'unsendable');
    return false;
  }

  relayLost(path: RelayPath): void {
    this.records.remove(path);
  }

  /** Whether packets go by this socket. */
  takes(via: Via): boolean {
    const { path } = this.tunnel;
    return (path.kind === 'direct' && path.via === via) || this.standby.relaysBy(via);
  }

  /** Whether this path is used, or may have to be at any moment. */
  wants(path: Path): boolean {
    if (samePath(path, this.tunnel.path)) return true;
    return this.records.find(path) !== undefined && this.now - this.lastActiveMs < ACTIVE_MS;
  }

  /** Whether the tunnel has a direct path now that works. */
  get isDirect(): boolean {
    const { path, pathCounters } = this.tunnel;
    return path.kind === 'direct' && this.now - pathCounters.lastReceivedMs(path) < DEAD_MS;
  }

  /** The same when one of the two was elsewhere a moment ago: of what was known before nothing counts. */
  get isDirectSinceMove(): boolean {
    return this.moves.isRecent && this.isDirect && (this.records.current?.isUsable(this.now) ?? false);
  }

  /** Smoothed, in milliseconds. */
  rttMs(path: Path): number | undefined {
    return this.records.find(path)?.rttMs;
  }

  close(): void {
    this.rounds.end();
    for (const timer of [this.ticking, this.postponed]) timer?.cancel();
    this.ticking = this.postponed = undefined;
    this.silence.close();
    this.probes.forget();
    this.scatter.close();
  }

  private get now(): number {
    return this.ports.clock.now();
  }

  private probe(record: PathRecord): void {
    if (record.isUntried) this.ports.onFigure8(this.tunnel, 'request-sent', record.path);
    this.probes.send(record, this.moves.announcedBy(record.path, this.tunnel.path));
  }

  private answered(challenge: Uint8Array, from: Path): boolean {
    const probe = this.probes.take(challenge);
    if (!probe) return false;
    const { record, rttMs, sentMs } = probe;
    if (!samePath(record.path, from) || !this.records.list.includes(record)) return true; // no path of its own
    if (!record.isUsable(this.now)) this.ports.onFigure8(this.tunnel, 'response-received', from);
    const wasStuck = this.records.isStuck;
    record.answered(rttMs, sentMs);
    const known = this.moves.confirm() ?? (wasStuck ? 'back' : undefined);
    if (known) this.ports.onMoveKnown(this.tunnel, known);
    // It died, and has to answer more than once.
    if (!record.isUsable(this.now) && this.rounds.areRare) this.rounds.begin();
    this.select();
    return true;
  }

  private select(): void {
    const { now: nowMs, lastSwitchMs, isLeader } = this;
    const { list: records, current } = this.records;
    const best = choosePath({ records, current, nowMs, lastSwitchMs, isLeader });
    if (!best || best === current) return;
    const { straightForMs } = this.moves;
    if (straightForMs > 0 && best.path.kind === 'relay' && this.tunnel.path.kind === 'direct') {
      return this.postpone(straightForMs, () => this.select());
    }
    this.lastSwitchMs = nowMs;
    this.use(best.path, this.moves.isRecent ? 'handover' : 'better');
  }

  private use(path: Path, reason: RouteReason): void {
    const isOtherInterface = boundTo(path) !== boundTo(this.tunnel.path);
    if (isOtherInterface) this.announce(this.records.known(path)); // before the first packet
    this.reason = reason;
    this.tunnel.use(path);
    this.reason = undefined;
    if (isOtherInterface) this.rounds.begin();
  }

  /** This host sends from another of its addresses. */
  private announce(record: PathRecord | undefined): void {
    this.moves.begin(this.nextMove(), false);
    if (record) this.probes.send(record, this.moves.announced);
  }

  private beginAnew(): void {
    this.probes.forget();
    for (const record of this.records.list) record.forget();
    this.patience.end();
  }

  private postpone(delayMs: number, action: () => void): void {
    this.postponed?.cancel();
    this.postponed = this.ports.timers.schedule(delayMs, action);
  }

  /** The peer says that it is in another network, and is heard this way: packets go there. */
  private peerMoved(move: number, from: Path): void {
    const heard = this.moves.heard(move);
    if (heard === 'old') return;
    if (heard === 'news') {
      this.beginAnew();
      this.postpone(RELAYED_NOTICE_MS, () => this.select());
    }
    this.records.known(from)?.proven();
    if (from.kind === 'direct' && this.moves.follows()) this.followMove(from);
    else if (heard === 'news' && samePath(from, this.tunnel.path)) this.ports.onMoveKnown(this.tunnel, 'peers');
    if (heard === 'news') this.rounds.begin();
  }

  private followMove(to: Path): void {
    const isSame = samePath(to, this.tunnel.path);
    this.lastSwitchMs = this.now;
    this.use(to, 'handover');
    if (isSame) this.ports.onMoveKnown(this.tunnel, 'peers');
  }

  private tick(): void {
    this.ticking = undefined;
    const { tunnel, now } = this;
    if (tunnel.state === 'idle') return this.silence.reset();
    if (this.sentSinceTick) this.lastActiveMs = now;
    this.probes.expire();
    this.silence.look();
    const tends = this.sentSinceTick && !this.silence.isDoubting; // in doubt all is asked, and nothing goes back
    const returned = tends && this.standby.tend(this.whereabouts.endpoints);
    if (returned) this.relayedAnew(returned);
    if (this.sentSinceTick && now - this.measuredMs >= MEASURE_MS) this.measure();
    if (this.sentSinceTick && this.rounds.areDue) this.rounds.begin();
    if (!this.sentSinceTick && !this.patience.isWaiting && !this.silence.isDoubting) return;
    this.sentSinceTick = false;
    this.tickLater();
  }

  private tickLater(): void {
    if (this.ticking) return; // as for most packets
    this.ticking = afterReading(this.ports, this.silence.nextMs, () => this.tick());
  }

  /** All that goes by the interface in use is as silent. */
  private leaveInterface(to: PathRecord): void {
    this.patience.end();
    for (const record of this.records.ordinary) if (record.path.kind === 'direct') record.died(this.now);
    this.probes.forget();
    if (to.path.kind === 'relay') this.relayedAnew(to);
    this.use(to.path, 'silent');
  }

  /** Its server is reached by another interface than before. */
  private relayedAnew(relay: PathRecord): void {
    this.announce(relay);
    this.rounds.begin();
  }

  /** From now on something should be heard by the current path. */
  private wait(nowMs: number): void {
    const { path, pathCounters } = this.tunnel;
    this.patience.begin(nowMs);
    if (path.kind === 'relay' || !Patience.isAfterSilence(nowMs, pathCounters.lastReceivedMs(path))) return;
    const relay = this.records.list.find((record) => record.path.kind === 'relay' && this.wants(record.path));
    if (relay) this.probe(relay);
    this.patience.wake(nowMs, relay?.path);
  }

  private measure(): void {
    this.measuredMs = this.now;
    for (const record of this.records.measured) this.probe(record);
    this.select();
  }

  /** Without another path it stays, for whatever it is worth. */
  private leave(record: PathRecord, reason: RouteReason): void {
    const { now } = this;
    const { wakingSinceMs = -Infinity } = this.patience;
    this.patience.end();
    const other = this.records.otherThan(record);
    const isThere = other && this.tunnel.pathCounters.lastReceivedMs(other.path) >= wakingSinceMs;
    if (other) {
      record.died(now);
      this.probes.forget(record);
      this.select();
      if (this.records.current === record) this.use(other.path, reason);
    }
    this.rounds.begin();
    if (isThere || now - this.lastStuckMs < STUCK_MS) return;
    this.lastStuckMs = now;
    this.ports.onStuck(this.tunnel);
  }
}
