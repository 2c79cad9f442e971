/** The paths of one tunnel, and what is known of each: those that the DC has named, and those that the peer was heard by. */
import type { Clock } from '../../runtime';
import type { Endpoint } from '../../wire/addresses';
import { isStandby, samePath, type Path, type Via } from '../path';
import type { Tunnel } from '../wireguard/tunnel';
import { PathRecord } from './path-record';

const LIMIT = 16;

export class PathRecords {
  private all: readonly PathRecord[] = [];

  constructor(
    private readonly tunnel: Tunnel,
    private readonly clock: Clock,
  ) {}

  get list(): readonly PathRecord[] {
    return this.all;
  }

  /** Without those that stand by. */
  get ordinary(): readonly PathRecord[] {
    return this.all.filter(({ path }) => !isStandby(path));
  }

  /** Those that work, and those that died and may work again. */
  get measured(): readonly PathRecord[] {
    const isOfUse = (record: PathRecord): boolean => record.hasDied || record.isUsable(this.clock.now());
    return this.all.filter((record) => isOfUse(record) && (record === this.current || !isStandby(record.path)));
  }

  /** When the current one is silent: it, and direct ones where the peer was heard once, though it may not want them used. */
  get askable(): readonly PathRecord[] {
    const wasHeard = ({ path }: PathRecord): boolean => this.tunnel.pathCounters.lastReceivedMs(path) > -Infinity;
    return this.ordinary.filter(
      (record) => record === this.current || (record.path.kind === 'direct' && wasHeard(record)),
    );
  }

  /** Of the path that packets take. */
  get current(): PathRecord | undefined {
    return this.find(this.tunnel.path);
  }

  /** Whether none of them answers. */
  get isStuck(): boolean {
    const nowMs = this.clock.now();
    return !this.all.some((record) => record.isUsable(nowMs) && (record === this.current || !isStandby(record.path)));
  }

  /** These there are from now on, those that stand by, and the one in use. What is known of those that stay is kept. */
  name(named: readonly Path[]): void {
    const isCurrentNamed = named.some((path) => samePath(path, this.tunnel.path));
    const standbys = this.all.map(({ path }) => path).filter((path) => isStandby(path) && path !== this.tunnel.path);
    const paths = [...(isCurrentNamed ? [] : [this.tunnel.path]), ...named, ...standbys];
    this.all = paths.slice(0, LIMIT).map((path) => this.find(path) ?? new PathRecord(path));
  }

  find(path: Path): PathRecord | undefined {
    return this.all.find((record) => samePath(record.path, path));
  }

  /** By the tunnels' common socket. */
  at(endpoint: Endpoint): PathRecord | undefined {
    return this.find({ kind: 'direct', endpoint });
  }

  /** Perhaps one that nobody named. A relay has to be; and of too many, one that does not answer gives way. */
  known(path: Path): PathRecord | undefined {
    return this.find(path) ?? (path.kind === 'relay' ? undefined : this.add(path));
  }

  remove(path: Path): void {
    this.all = this.all.filter((record) => !samePath(record.path, path));
  }

  /** For a path that is better than one that is dead: one that works, or else the relay, or the host's own way. */
  otherThan(dead: PathRecord): PathRecord | undefined {
    const nowMs = this.clock.now();
    const others = this.all.filter((record) => record !== dead);
    const ordinary = others.filter(({ path }) => !isStandby(path));
    return (
      [...ordinary, ...others].find((record) => record.isUsable(nowMs)) ??
      ordinary.find(({ path }) => path.kind === 'relay') ??
      (isStandby(dead.path) ? ordinary[0] : undefined)
    );
  }

  /** Whether packets go this way, or could. */
  keeps(via: Via): boolean {
    const isBy = (path: Path): boolean => path.kind === 'direct' && path.via === via;
    return isBy(this.tunnel.path) || this.all.some((record) => isBy(record.path) && record.isUsable(this.clock.now()));
  }

  private add(path: Path): PathRecord | undefined {
    if (this.all.length >= LIMIT) {
      const useless = this.all.find((r) => !r.isUsable(this.clock.now()) && !samePath(r.path, this.tunnel.path));
      if (!useless) return undefined;
      this.remove(useless.path);
    }
    const record = new PathRecord(path);
    this.all = [...this.all, record];
    return record;
  }
}
