/**
 * The paths of one tunnel (paper 3.4, Figure 8, and beyond it): each endpoint at which the peer may be, and the relay.
 * Both nodes send sealed probes to all of the other's endpoints from the tunnel's own socket at the same time, which
 * opens their NATs for each other (RFC 5128 section 3.3); who is answered by a path may send by it.
 *
 *   begin      the tunnel is established: rounds of probes, soon after each other and then rarer
 *   probed     answered the way it came; a path that was not known is tried in return (RFC 8445 section 7.3.1.4)
 *   answered   the path works, so fast; the best one is used (path-choice.ts)
 *   sent       a packet goes out: something should be heard by the path it takes, else it is probed, and left; after
 *              a silence it takes the relay, too (waking.ts)
 *
 * Liveness is of each path: that the relay is heard says nothing of a direct one. While packets flow, all paths that
 * work are probed now and then; an idle tunnel sends none.
 */
import type { Clock, Timer } from '../../runtime';
import { sameEndpoint, type Endpoint } from '../../wire/addresses';
import { samePath, type Path, type RelayPath, type Via } from '../path';
import { encodePathMessage, type PathMessage } from '../path-probe';
import type { Tunnel } from '../wireguard/tunnel';
import { choosePath } from './path-choice';
import { PathRecord } from './path-record';
import { Probes } from './probes';
import { Scatter, type ScatterPorts } from './scatter';
import { Waking } from './waking';

/** After the first round. Both nodes begin within a one-way trip of each other. */
const ROUNDS_MS = [20, 40, 80, 160, 320, 640, 1_280, 2_560] as const;
/** A direct path works by then: the others have had their chance. */
const SETTLED_ROUND = 4;
/** A tunnel that stays on its relay looks again: a NAT was restarted, a firewall changed. */
const AGAIN_MS = 60_000;
const RECORDS_LIMIT = 16;
/** Of one path, in return for the peer's probes. */
const IN_RETURN_MS = 20;
const TICK_MS = 500;
/** Nothing heard by a path for so long, though packets and probes were sent: it is dead. */
const DEAD_MS = 2_000;
/** The peer has left the path already, it seems: it is heard by another. */
const SUSPECT_MS = 1_000;
const SUSPECT_TICK_MS = 200;
const MEASURE_TICKS = 4;
/** A path that is not used is held ready while the tunnel is. */
const ACTIVE_MS = 60_000;
const STUCK_MS = 10_000;

export interface TunnelPathsPorts extends ScatterPorts {
  readonly clock: Clock;
  /** Of the NAT that this node is behind, if it is known. */
  mapping(): Mapping | undefined;
  /** No path works, as far as this node can tell. At most every ten seconds. */
  onStuck(tunnel: Tunnel): void;
  /** Figure 8: the first probe to each path, the first by each, and the first answer. */
  onFigure8(tunnel: Tunnel, what: 'request-sent' | 'request-received' | 'response-received', path: Path): void;
}

/** What the DC says of the correspondent node. */
export interface Whereabouts {
  readonly endpoints: readonly Endpoint[];
  readonly relay?: RelayPath | undefined;
  /** Of the NAT that it is behind. */
  readonly mapping?: Mapping | undefined;
}

export type Mapping = 'independent' | 'dependent';

export class TunnelPaths {
  private records: PathRecord[] = [];
  private readonly probes: Probes;
  private scatter: Scatter | undefined;
  private whereabouts: Whereabouts = { endpoints: [] };
  private punching: Timer | undefined;
  private ticking: Timer | undefined;
  private round = 0;
  private lastRoundMs = -Infinity;
  private ticks = 0;
  /** Since when something should have been heard by the current path. */
  private waitingSinceMs: number | undefined;
  private sentSinceTick = false;
  private lastActiveMs = -Infinity;
  private lastSwitchMs = -Infinity;
  private lastStuckMs = -Infinity;
  private suspected = false;
  private waking: Waking | undefined;

  constructor(
    readonly tunnel: Tunnel,
    private readonly isLeader: boolean,
    private readonly ports: TunnelPathsPorts,
  ) {
    this.probes = new Probes(tunnel, ports);
  }

  /** The DC says where the peer may be. What is known of endpoints that stay is kept. */
  introduce(whereabouts: Whereabouts): void {
    const { endpoints, relay } = whereabouts;
    const paths: Path[] = endpoints.map((endpoint) => ({ kind: 'direct', endpoint }));
    if (relay) paths.unshift(relay);
    if (!paths.some((path) => samePath(path, this.tunnel.path))) paths.unshift(this.tunnel.path);
    this.whereabouts = whereabouts;
    this.records = paths.slice(0, RECORDS_LIMIT).map((path) => this.find(path) ?? new PathRecord(path));
    this.scatter?.close();
    this.scatter = undefined;
    if (this.tunnel.state === 'established') this.punch();
  }

  /** A handshake has gone over the current path. */
  established(): void {
    this.current()?.proven();
    // What is measured while programs start says little: among direct paths the first one stays for a while.
    if (this.lastSwitchMs === -Infinity) this.lastSwitchMs = this.now;
    if (!this.punching && this.records.some(({ lastProbeMs }) => lastProbeMs === -Infinity)) this.punch();
  }

  /** The peer's newest packet came by a path that was not known, or this node has chosen another one. */
  roamed(): void {
    this.waitsNoMore();
    (this.current() ?? this.add(this.tunnel.path))?.proven();
  }

  /** Everything starts anew: this host is in another network. */
  hostMoved(): void {
    this.probes.forget();
    for (const record of this.records) record.forget();
    if (this.tunnel.state === 'established') this.punch();
  }

  /** True when it was an answer to a probe of these. */
  receive(message: PathMessage, from: Path): boolean {
    if (message.kind === 'answer') return this.answered(message.challenge, from);
    this.tunnel.sendControl(encodePathMessage({ ...message, kind: 'answer' }), from);
    const record = this.find(from) ?? this.add(from);
    if (!record || record.isUsable(this.now)) return true;
    if (record.lastProbeMs === -Infinity) this.ports.onFigure8(this.tunnel, 'request-received', from);
    if (this.now - record.lastProbeMs >= IN_RETURN_MS) this.probe(record);
    return true;
  }

  /** Whether packets go where the peer's newest came from. Paths that are known are chosen among, by the leader. */
  follows(from: Path): boolean {
    const record = this.find(from);
    if (!record) return true;
    if (this.tunnel.path.kind === 'relay') return false; // why it is there, this node knows best
    const lastMs = this.tunnel.pathCounters.lastReceivedMs(this.tunnel.path);
    const isSilent = this.now - lastMs > SUSPECT_MS / 4;
    if (isSilent) this.suspected = true;
    return isSilent && !this.isLeader;
  }

  /** A packet of the stack's goes out. The result: another path that it takes as well. */
  sent(nowMs: number): Path | undefined {
    this.sentSinceTick = true;
    if (this.waitingSinceMs === undefined) this.wait(nowMs);
    this.tickLater();
    return this.waking?.copy();
  }

  /** This host cannot send to this endpoint. True when it was only tried. */
  sendFailed(to: Endpoint): boolean {
    const record = this.records.find(({ path }) => path.kind === 'direct' && sameEndpoint(path.endpoint, to));
    if (!record) return false;
    if (record !== this.current()) return true;
    if (this.otherThan(record)) this.leave(record);
    return false;
  }

  relayLost(path: RelayPath): void {
    this.records = this.records.filter((record) => !samePath(record.path, path));
  }

  /** Whether this path is used, or may have to be at any moment. */
  wants(path: Path): boolean {
    if (samePath(path, this.tunnel.path)) return true;
    return this.find(path) !== undefined && this.now - this.lastActiveMs < ACTIVE_MS;
  }

  /** Whether the tunnel has a direct path now that works. */
  get isDirect(): boolean {
    const { path, pathCounters } = this.tunnel;
    return path.kind === 'direct' && this.now - pathCounters.lastReceivedMs(path) < DEAD_MS;
  }

  /** Smoothed, in milliseconds. */
  rttMs(path: Path): number | undefined {
    return this.find(path)?.rttMs;
  }

  close(): void {
    this.punching?.cancel();
    this.ticking?.cancel();
    this.punching = this.ticking = undefined;
    this.probes.forget();
    this.scatter?.close();
  }

  private get now(): number {
    return this.ports.clock.now();
  }

  private current(): PathRecord | undefined {
    return this.find(this.tunnel.path);
  }

  private find(path: Path): PathRecord | undefined {
    return this.records.find((record) => samePath(record.path, path));
  }

  /** A path that nobody named, but that the peer was heard by. One that never answered gives way. */
  private add(path: Path): PathRecord | undefined {
    if (path.kind === 'relay') return undefined;
    if (this.records.length >= RECORDS_LIMIT) {
      const useless = this.records.findIndex((r) => !r.isUsable(this.now) && !samePath(r.path, this.tunnel.path));
      if (useless < 0) return undefined;
      this.records.splice(useless, 1);
    }
    const record = new PathRecord(path);
    this.records.push(record);
    return record;
  }

  private punch(): void {
    this.punching?.cancel();
    this.round = 0;
    this.probeRound();
  }

  private probeRound(): void {
    this.punching = undefined;
    const { tunnel, now } = this;
    if (tunnel.state !== 'established' || (this.isRare && now - this.lastActiveMs > AGAIN_MS)) return; // nobody would notice
    const current = this.current();
    const others = this.records.filter((record) => record !== current && !record.isUsable(now));
    for (const record of others) this.probe(record);
    if (current && this.round === 0 && this.records.length > 1) this.probe(current);
    if (others.length === 0 || (tunnel.path.kind === 'direct' && this.round >= SETTLED_ROUND)) return;
    const delayMs = ROUNDS_MS[this.round++] ?? AGAIN_MS;
    this.lastRoundMs = now;
    if (tunnel.path.kind === 'relay' && this.round === SETTLED_ROUND) this.scatterUnlessDone();
    this.punching = this.ports.timers.schedule(delayMs, () => this.probeRound());
  }

  /** The rounds that follow each other are over. */
  private get isRare(): boolean {
    return this.round > ROUNDS_MS.length;
  }

  private probe(record: PathRecord): void {
    if (record.lastProbeMs === -Infinity) this.ports.onFigure8(this.tunnel, 'request-sent', record.path);
    this.probes.send(record);
  }

  private answered(challenge: Uint8Array, from: Path): boolean {
    const probe = this.probes.take(challenge);
    if (!probe) return false;
    const { record, rttMs } = probe;
    if (!samePath(record.path, from) || !this.records.includes(record)) return true; // no path of its own
    if (!record.isUsable(this.now)) this.ports.onFigure8(this.tunnel, 'response-received', from);
    record.answered(rttMs);
    // It died, and has to answer more than once.
    if (!record.isUsable(this.now) && (!this.punching || this.isRare)) this.punch();
    this.select();
    return true;
  }

  /** Once for each introduction: one of the two NATs gives a new port to every correspondent, the other does not. */
  private scatterUnlessDone(): void {
    const { mapping, endpoints } = this.whereabouts;
    const own = this.ports.mapping();
    if (this.scatter || !mapping || !own || own === mapping) return;
    this.scatter = new Scatter(this.tunnel, this.ports, (via) => this.keeps(via));
    if (own === 'dependent') void this.scatter.openMany(endpoints);
    else this.scatter.guessMany(endpoints);
  }

  private keeps(via: Via): boolean {
    const isBy = (path: Path): boolean => path.kind === 'direct' && path.via === via;
    return isBy(this.tunnel.path) || this.records.some((record) => isBy(record.path) && record.isUsable(this.now));
  }

  private select(): void {
    const { records, now: nowMs, lastSwitchMs, isLeader } = this;
    const current = this.current();
    const best = choosePath({ records, current, nowMs, lastSwitchMs, isLeader });
    if (!best || best === current) return;
    this.lastSwitchMs = nowMs;
    this.tunnel.use(best.path);
  }

  private tick(): void {
    this.ticking = undefined;
    const { tunnel, now } = this;
    if (tunnel.state === 'idle') return;
    if (this.sentSinceTick) this.lastActiveMs = now;
    this.probes.expire();
    const current = this.current();
    const heardMs = tunnel.pathCounters.lastReceivedMs(tunnel.path);
    if (this.waitingSinceMs !== undefined && heardMs >= this.waitingSinceMs) this.waitsNoMore();
    const silentMs = this.waitingSinceMs === undefined ? 0 : now - this.waitingSinceMs;
    if (current && silentMs >= this.patienceMs(current)) this.leave(current);
    else if (current && silentMs > 0) this.probe(current);
    if (this.sentSinceTick && ++this.ticks % MEASURE_TICKS === 0) this.measure();
    const looksNoMore = !this.punching && tunnel.path.kind === 'relay' && now - this.lastRoundMs > AGAIN_MS;
    if (this.sentSinceTick && looksNoMore) this.punch();
    if (!this.sentSinceTick && this.waitingSinceMs === undefined) return;
    this.sentSinceTick = false;
    this.tickLater();
  }

  private tickLater(): void {
    this.ticking ??= this.ports.timers.schedule(this.suspected ? SUSPECT_TICK_MS : TICK_MS, () => this.tick());
  }

  /** From now on something should be heard by the current path. */
  private wait(nowMs: number): void {
    const { path, pathCounters } = this.tunnel;
    this.waitingSinceMs = nowMs;
    if (path.kind === 'relay' || !Waking.isDue(nowMs, pathCounters.lastReceivedMs(path))) return;
    const relay = this.records.find((record) => record.path.kind === 'relay' && this.wants(record.path));
    if (relay) this.probe(relay);
    this.waking = new Waking(nowMs, relay?.path);
    this.suspected = true;
  }

  private waitsNoMore(): void {
    this.waitingSinceMs = this.waking = undefined;
    this.suspected = false;
  }

  private patienceMs({ rttMs = 0 }: PathRecord): number {
    return this.suspected ? Math.min(DEAD_MS, Math.max(SUSPECT_MS, 3 * rttMs)) : DEAD_MS;
  }

  /** Of paths that work, how well; of those that died, whether they work again. */
  private measure(): void {
    for (const record of this.records) if (record.hasDied || record.isUsable(this.now)) this.probe(record);
    this.select();
  }

  /** For a path that is better than one that is dead: one that works, or else the relay. */
  private otherThan(dead: PathRecord): PathRecord | undefined {
    const { now } = this;
    const others = this.records.filter((record) => record !== dead);
    return others.find((record) => record.isUsable(now)) ?? others.find(({ path }) => path.kind === 'relay');
  }

  /** Without another path it stays, for whatever it is worth. */
  private leave(record: PathRecord): void {
    const { now, waking } = this;
    this.waitsNoMore();
    const other = this.otherThan(record);
    const isThere = other && (!waking || this.tunnel.pathCounters.lastReceivedMs(other.path) >= waking.sinceMs);
    if (other) {
      record.died(now);
      this.probes.forget(record);
      this.select();
      if (this.current() === record) this.tunnel.use(other.path);
    }
    this.punch();
    if (isThere || now - this.lastStuckMs < STUCK_MS) return;
    this.lastStuckMs = now;
    this.ports.onStuck(this.tunnel);
  }
}
