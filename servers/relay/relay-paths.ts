/**
 * The paths of an RS: what is forwarded from whom to whom. A path has two sides; where a side is, is known only from
 * its authentic Relay Bind, so nobody can have datagrams sent to somebody else.
 *
 *   allocated by the DC -- both sides bound --> forwarding -- neither bound again for EXPIRY_MS, or released --> ended
 *
 * A path sends within its rate (relay-table.ts); an owner's paths together `quotaBytes` in a day.
 */
import type { Clock, Random } from '../../core/runtime';
import { sameEndpoint, type Endpoint } from '../../core/wire/addresses';
import { makePathId, slotOfPath } from '../../core/wire/relay-frame';
import { BoundedMap } from '../bounded-map';
import { RelayTable, type Owner, type RelayDrop, type TableLimits, type TablePath } from './relay-table';

/** Four of the nodes' binds missed. */
const EXPIRY_MS = 90_000;
const DAY_MS = 24 * 3_600_000;
const OWNERS_LIMIT = 100_000;
const RANDOM_LENGTH = 4;

export interface RelayLimits extends TableLimits {
  /** Paths at the same time. */
  readonly paths: number;
  /** What the whole RS is meant to carry: it reports its load by these, and by its processes' CPU time. */
  readonly capacityBytesPerSecond: number;
  readonly capacityPacketsPerSecond: number;
}

export const DEFAULT_RELAY_LIMITS: RelayLimits = {
  paths: 10_000,
  bytesPerSecond: 12_500_000,
  quotaBytes: Infinity,
  capacityBytesPerSecond: 62_500_000,
  capacityPacketsPerSecond: Infinity,
};

interface DaysOwner extends Owner {
  sinceMs: number;
}

export interface RelayPath extends TablePath {
  readonly owner: DaysOwner;
  boundMs: number;
}

export class RelayPaths {
  readonly table: RelayTable<RelayPath>;
  /** A path is there, or has another side, or may send again; or it has ended. */
  onChange: (path: RelayPath, what: 'set' | 'ended') => void = () => {};
  private readonly freeSlots: number[] = [];
  private readonly owners: BoundedMap<string, DaysOwner>;
  private count = 0;
  private slotCount = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly limits: RelayLimits,
    transmit: (datagram: Uint8Array, to: Endpoint) => void,
  ) {
    this.table = new RelayTable(clock, limits, transmit);
    this.owners = new BoundedMap(clock, OWNERS_LIMIT);
  }

  /** By this process. */
  get drops(): ReadonlyMap<RelayDrop, number> {
    return this.table.drops;
  }

  get forwardedPackets(): number {
    return this.table.forwardedPackets;
  }

  get size(): number {
    return this.count;
  }

  allocate(ownerName: string): RelayPath | 'full' | 'quota' {
    if (this.count >= this.limits.paths) return 'full';
    const owner = this.ownerOf(ownerName);
    if (owner.usedBytes >= this.limits.quotaBytes) return 'quota';
    const slot = this.freeSlots.pop() ?? this.slotCount++;
    const path: RelayPath = {
      id: makePathId(slot, this.random.bytes(RANDOM_LENGTH)),
      owner,
      sides: [undefined, undefined],
      ...this.table.full(),
      boundMs: this.clock.now(),
    };
    this.table.put(path);
    this.count += 1;
    this.onChange(path, 'set');
    return path;
  }

  /** The side is at `from` now. */
  bind(path: RelayPath, side: 0 | 1, from: Endpoint): void {
    path.boundMs = this.clock.now();
    this.place(path, side, from);
  }

  /** The side has gone: nothing is sent there any more. True when it was the last. */
  unbind(path: RelayPath, side: 0 | 1): boolean {
    this.place(path, side, undefined);
    return path.sides[1 - side] === undefined;
  }

  end(path: RelayPath): void {
    if (!this.table.remove(path)) return;
    this.freeSlots.push(slotOfPath(path.id));
    this.count -= 1;
    this.onChange(path, 'ended');
  }

  /** Those that nobody has bound for too long. */
  expired(): RelayPath[] {
    const since = this.clock.now() - EXPIRY_MS;
    return [...this].filter(({ boundMs }) => boundMs < since);
  }

  /** Owners whose day is over may send again. */
  renewQuotas(): void {
    const renewed = new Set([...this].map(({ owner }) => owner).filter((owner) => this.renew(owner)));
    if (renewed.size === 0) return;
    for (const path of this) if (renewed.has(path.owner)) this.onChange(path, 'set');
  }

  [Symbol.iterator](): Iterator<RelayPath> {
    return this.table[Symbol.iterator]();
  }

  private place(path: RelayPath, side: 0 | 1, at: Endpoint | undefined): void {
    const before = path.sides[side];
    path.sides[side] = at;
    const isSame = before && at ? sameEndpoint(before, at) : before === at;
    if (!isSame) this.onChange(path, 'set');
  }

  /** What an owner has used counts for a day from its first path; then it begins anew. */
  private ownerOf(name: string): DaysOwner {
    let owner = this.owners.get(name);
    if (!owner) this.owners.set(name, (owner = { name, usedBytes: 0, sinceMs: this.clock.now() }));
    this.renew(owner);
    return owner;
  }

  private renew(owner: DaysOwner): boolean {
    const now = this.clock.now();
    if (now - owner.sinceMs < DAY_MS) return false;
    owner.usedBytes = 0;
    owner.sinceMs = now;
    return true;
  }
}
