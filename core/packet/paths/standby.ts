/**
 * Paths of a tunnel by interfaces of the host that packets do not leave by now (make before break): proven while the
 * path in use still works, so that there is somewhere to go at once when it falls silent, which no event tells of.
 *
 *   tended    a tunnel that is in use has a path by each such interface, and probes it rarely; and where that is not
 *             answered, calls the peer to send there (calls.ts)
 *   doubted   nothing is heard by the path in use: all that may work is asked, and packets go by it, too (copies.ts)
 *   taken     what stands by has answered since, and nothing else has: it is the interface that is silent
 *
 * They are never taken for being faster: which interface is used is the wish of who has set the host's routes.
 */
import type { Random } from '../../runtime';
import { scopeOf } from '../../wire/address-scope';
import { type Endpoint, familyOf } from '../../wire/addresses';
import { isStandby, samePath, type Path, type RelayPath, type StandbyPath, type Via } from '../path';
import type { PathMessage } from '../path-probe';
import type { Tunnel } from '../wireguard/tunnel';
import { againMs, HOLD_MS } from './asking';
import { Calls } from './calls';
import type { PathRecord } from './path-record';
import type { PathRecords } from './path-records';
import { DEAD_MS, UNMEASURED_MS } from './patience';
import { RelayStandby, type Askers, type RelayStandbyPorts } from './relay-standby';

/** The host's sockets for it. */
export interface Standbys extends Askers {
  /** Where what is sent from there is seen to come from. Undefined: nobody says so. Never rejects. */
  outside(via: Via): Promise<Endpoint | undefined>;
}

const TEND_MS = 500;
/** Where probes were lost lately, perhaps because the NAT has forgotten. */
const LOSSY_HOLD_MS = 4_000;
/** Of probes: one of them, and not long ago. */
const LOSSY = 0.03;
/** Of the peer's endpoints. */
const TARGETS = 2;
/** Nothing heard for so long: it is left. Or later, where others may take longer to answer. */
const SILENT_MS = 350;
/** In a silence a path is asked so often, or when it should have answered. */
const ASK_AGAIN_MS = 50;
const RELAY_DOUBT_MS = 150;

type RelayRecord = PathRecord & { readonly path: RelayPath };
type StandbyRecord = PathRecord & { readonly path: StandbyPath };

export class Standby {
  private nextMs = -Infinity;
  /** Probes without an answer. */
  private readonly tries = new WeakMap<PathRecord, number>();
  private readonly calls: Calls;
  private readonly relay: RelayStandby;

  constructor(
    private readonly tunnel: Tunnel,
    private readonly records: PathRecords,
    private readonly ports: RelayStandbyPorts & { readonly random: Random; readonly standbys?: Standbys },
    private readonly probe: (record: PathRecord) => void,
  ) {
    this.calls = new Calls(tunnel, records, ports, probe);
    this.relay = new RelayStandby(ports);
  }

  /** Whether something stands by that answers. */
  get isReady(): boolean {
    return this.ready.length > 0 || this.readyRelay !== undefined;
  }

  /** Whether packets go by this socket to the relay server. */
  relaysBy(via: Via): boolean {
    return this.relay.takes(via);
  }

  /** Of the relay's server: all is bound by the host's own way. */
  hostMoved(): void {
    this.relay.reset();
  }

  /** Whether the path in use is by an interface that is not there any more. */
  get isGone(): boolean {
    const { path } = this.tunnel;
    return isStandby(path) && !this.ports.standbys?.isOpen(path.via);
  }

  /** The peer is not to take such a path. */
  heard(from: StandbyPath): void {
    this.calls.heard(from);
  }

  /** The peer has another interface, too. */
  called({ endpoint }: PathMessage): void {
    if (endpoint) this.calls.follow(endpoint);
  }

  /** While packets are sent. `endpoints`: where the peer may be. The result: the relay that is reached another way now. */
  tend(endpoints: readonly Endpoint[]): PathRecord | undefined {
    const { path } = this.tunnel;
    const { clock, standbys } = this.ports;
    const nowMs = clock.now();
    if (!standbys || nowMs < this.nextMs) return undefined;
    this.nextMs = nowMs + TEND_MS;
    const targets = targetsOf(path.kind === 'direct' ? [path.endpoint, ...endpoints] : endpoints);
    const paths = targets.flatMap((endpoint) =>
      standbys.vias(familyOf(endpoint)).map((via) => ({ kind: 'direct' as const, endpoint, via })),
    );
    for (const each of paths) this.records.known(each);
    const isNamed = (record: PathRecord): boolean => paths.some((each) => samePath(each, record.path));
    for (const record of this.standing) {
      const isOfUse = isNamed(record) || (record.isUsable(nowMs) && standbys.isOpen(record.path.via));
      if (isOfUse) this.hold(record, nowMs);
      else this.records.remove(record.path);
    }
    const { current } = this.records;
    const { relayed } = this;
    if ((paths.length > 0 || this.isReady) && current && current.rttMs === undefined) this.probe(current); // how long is a silence?
    const isNeeded = relayed && (this.ready.length === 0 || this.relay.isTaken);
    return isNeeded && this.relay.tend(relayed.path) ? relayed : undefined;
  }

  /** Where packets go, too, while the path in use is doubted. */
  get inDoubt(): Path | undefined {
    return this.ready[0]?.path;
  }

  /**
   * By the path in use nothing has been heard for `silentMs`, though it was asked; it is doubted after `doubtAfterMs`. The
   * result: what to take in its stead, now; or that it is the path only, as others by its interface are heard.
   */
  insteadOf(current: PathRecord, silentMs: number, doubtAfterMs: number): PathRecord | 'path only' | undefined {
    const { ready, readyRelay } = this;
    const sinceMs = this.ports.clock.now() - silentMs;
    const others = this.othersThan(current);
    const isHeard = ({ path }: PathRecord): boolean => this.tunnel.pathCounters.lastReceivedMs(path) >= sinceMs;
    if (silentMs >= this.limitMs(current, doubtAfterMs)) {
      if (others.some(isHeard)) return 'path only';
      const heard = ready.find(isHeard);
      if (heard) return heard;
      const isRelaySilent = readyRelay && !this.relay.isHeardSince(readyRelay.path, sinceMs);
      if (isRelaySilent && this.relay.take(readyRelay.path, sinceMs)) return readyRelay;
    }
    for (const record of [...others, ...ready]) this.ask(record);
    if (readyRelay && silentMs >= RELAY_DOUBT_MS) this.relay.doubt(readyRelay.path, silentMs);
    return undefined;
  }

  /** So long the path in use may be silent: others by the same interface have had the time to answer then. */
  limitMs(current: PathRecord, doubtAfterMs: number): number {
    const rttsMs = [current, ...this.othersThan(current)].map(({ rttMs = UNMEASURED_MS }) => rttMs);
    return Math.min(DEAD_MS, Math.max(SILENT_MS, doubtAfterMs + 1.5 * Math.max(...rttsMs)));
  }

  /** Of a silent tunnel: whether this path works. */
  ask(record: PathRecord): void {
    const againMs = Math.max(ASK_AGAIN_MS, 1.5 * (record.rttMs ?? 0));
    if (this.ports.clock.now() - record.lastProbeMs >= againMs) this.probe(record);
  }

  /** Of the tunnel's relay, whichever way packets go now. */
  private get relayed(): RelayRecord | undefined {
    if (isStandby(this.tunnel.path)) return undefined;
    const isRelay = (record: PathRecord | undefined): record is RelayRecord => record?.path.kind === 'relay';
    const { current, list } = this.records;
    return isRelay(current) ? current : list.find(isRelay);
  }

  /** The same where its server answers by another interface. */
  private get readyRelay(): RelayRecord | undefined {
    const { relayed } = this;
    return relayed && this.relay.isReady(relayed.path) ? relayed : undefined;
  }

  /** By other interfaces; also the relay, while its server is reached by one. */
  private get ready(): readonly PathRecord[] {
    const nowMs = this.ports.clock.now();
    const { relayed, relay, standing, tunnel } = this;
    if (isStandby(tunnel.path)) return [];
    const byOther = relay.isTaken && relayed && relayed.path !== tunnel.path ? [relayed] : [];
    return [...standing, ...byOther].filter((record) => record.isUsable(nowMs));
  }

  /** By the interface in use. */
  private othersThan(current: PathRecord): readonly PathRecord[] {
    const nowMs = this.ports.clock.now();
    const { ready } = this;
    return this.records.ordinary.filter(
      (record) => record !== current && record.isUsable(nowMs) && !ready.includes(record),
    );
  }

  private get standing(): readonly StandbyRecord[] {
    const { path } = this.tunnel;
    return this.records.list.filter(
      (record): record is StandbyRecord => isStandby(record.path) && !samePath(record.path, path),
    );
  }

  private hold(record: StandbyRecord, nowMs: number): void {
    const isUsable = record.isUsable(nowMs);
    const tries = isUsable ? 0 : (this.tries.get(record) ?? 0);
    const isLossy = record.loss > LOSSY;
    const holdMs = isLossy ? LOSSY_HOLD_MS : HOLD_MS;
    const waitMs = isUsable ? holdMs : againMs(tries);
    if (nowMs - record.lastProbeMs < waitMs) return;
    this.tries.set(record, tries + 1);
    this.probe(record);
    if (tries > 0 || isLossy) void this.calls.call(record.path.via);
  }
}

/** In the Internet: another interface does not lead into this one's network. */
function targetsOf(endpoints: readonly Endpoint[]): Endpoint[] {
  const known = new Map(
    endpoints
      .filter(({ address }) => scopeOf(address) === 'global')
      .map((endpoint) => [`${endpoint.address} ${endpoint.port}`, endpoint]),
  );
  return [...known.values()].slice(0, TARGETS);
}
