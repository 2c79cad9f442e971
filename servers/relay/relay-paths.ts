/**
 * The paths of an RS: what is forwarded from whom to whom. A path has two sides; where a side is, is known only from
 * its authentic Relay Bind, so nobody can have datagrams sent to somebody else.
 *
 *   allocated by the DC -- both sides bound --> forwarding -- neither bound again for EXPIRY_MS, or released --> ended
 *
 * A path sends at most BURST and then `bytesPerSecond`; an owner's paths together `quotaBytes` in a day.
 */
import type { Clock, Random } from '../../core/runtime';
import { sameEndpoint, type Endpoint } from '../../core/wire/addresses';
import { hasPathId, isRelayFrame, makePathId, slotOf } from '../../core/wire/relay-frame';
import { BoundedMap } from '../bounded-map';

/** Four of the nodes' binds missed. */
const EXPIRY_MS = 90_000;
const DAY_MS = 24 * 3_600_000;
const OWNERS_LIMIT = 100_000;
/** Of a path's rate, what it may send at once. */
const BURST_S = 0.25;
const RANDOM_LENGTH = 4;

export interface RelayLimits {
  /** Paths at the same time. */
  readonly paths: number;
  /** Of one path, both directions together, with frame headers. */
  readonly bytesPerSecond: number;
  /** Of all paths of one owner, in a day. */
  readonly quotaBytes: number;
  /** What the whole RS is meant to carry: it reports its load by this. */
  readonly capacityBytesPerSecond: number;
}

export const DEFAULT_RELAY_LIMITS: RelayLimits = {
  paths: 10_000,
  bytesPerSecond: 12_500_000,
  quotaBytes: Infinity,
  capacityBytesPerSecond: 62_500_000,
};

export type RelayDrop =
  'not a relay frame' | 'unknown path' | 'unbound source' | 'other side unbound' | 'rate' | 'quota';

interface Owner {
  usedBytes: number;
}

export interface RelayPath {
  readonly id: Uint8Array;
  readonly owner: Owner;
  /** Where each side is. */
  readonly sides: [Endpoint | undefined, Endpoint | undefined];
  /** Bytes that may be sent now. */
  allowance: number;
  filledMs: number;
  boundMs: number;
}

export class RelayPaths {
  /** Datagrams dropped, by reason. */
  readonly drops = new Map<RelayDrop, number>();
  forwardedPackets = 0;
  forwardedBytes = 0;
  private readonly slots: (RelayPath | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  private readonly owners: BoundedMap<string, Owner>;
  private count = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly limits: RelayLimits,
    private readonly transmit: (datagram: Uint8Array, to: Endpoint) => void,
  ) {
    this.owners = new BoundedMap(clock, OWNERS_LIMIT, DAY_MS);
  }

  get size(): number {
    return this.count;
  }

  allocate(ownerName: string): RelayPath | 'full' | 'quota' {
    if (this.count >= this.limits.paths) return 'full';
    const owner = this.ownerOf(ownerName);
    if (owner.usedBytes >= this.limits.quotaBytes) return 'quota';
    const slot = this.freeSlots.pop() ?? this.slots.length;
    const now = this.clock.now();
    const path: RelayPath = {
      id: makePathId(slot, this.random.bytes(RANDOM_LENGTH)),
      owner,
      sides: [undefined, undefined],
      allowance: this.limits.bytesPerSecond * BURST_S,
      ...{ filledMs: now, boundMs: now },
    };
    this.slots[slot] = path;
    this.count += 1;
    return path;
  }

  /** The side is at `from` now. */
  bind(path: RelayPath, side: 0 | 1, from: Endpoint): void {
    path.sides[side] = from;
    path.boundMs = this.clock.now();
  }

  /** The side has gone: nothing is sent there any more. True when it was the last. */
  unbind(path: RelayPath, side: 0 | 1): boolean {
    path.sides[side] = undefined;
    return path.sides[1 - side] === undefined;
  }

  end(path: RelayPath): void {
    const slot = slotOf(frameWith(path.id));
    if (this.slots[slot] !== path) return;
    this.slots[slot] = undefined;
    this.freeSlots.push(slot);
    this.count -= 1;
  }

  /** Those that nobody has bound for too long. */
  expired(): RelayPath[] {
    const since = this.clock.now() - EXPIRY_MS;
    return [...this].filter(({ boundMs }) => boundMs < since);
  }

  /** The hot path: one frame, to the other side as it is. Why not, otherwise. */
  forward(frame: Uint8Array, from: Endpoint): RelayDrop | undefined {
    if (!isRelayFrame(frame)) return this.drop('not a relay frame');
    const path = this.slots[slotOf(frame)];
    if (!path || !hasPathId(frame, path.id)) return this.drop('unknown path');
    const [first, second] = path.sides;
    const isFirst = first !== undefined && sameEndpoint(first, from);
    if (!isFirst && !(second && sameEndpoint(second, from))) return this.drop('unbound source');
    const to = isFirst ? second : first;
    if (!to) return this.drop('other side unbound');
    if (!this.spend(path, frame.length)) return this.drop('rate');
    if (path.owner.usedBytes >= this.limits.quotaBytes) return this.drop('quota');
    path.owner.usedBytes += frame.length;
    this.forwardedPackets += 1;
    this.forwardedBytes += frame.length;
    this.transmit(frame, to);
    return undefined;
  }

  *[Symbol.iterator](): Iterator<RelayPath> {
    for (const path of this.slots) if (path) yield path;
  }

  private spend(path: RelayPath, bytes: number): boolean {
    const { bytesPerSecond } = this.limits;
    const now = this.clock.now();
    path.allowance += ((now - path.filledMs) / 1000) * bytesPerSecond;
    path.allowance = Math.min(path.allowance, bytesPerSecond * BURST_S);
    path.filledMs = now;
    if (path.allowance < bytes) return false;
    path.allowance -= bytes;
    return true;
  }

  /** What an owner has used counts for a day from its first path; then it begins anew. */
  private ownerOf(name: string): Owner {
    let owner = this.owners.get(name);
    if (!owner) this.owners.set(name, (owner = { usedBytes: 0 }));
    return owner;
  }

  private drop(reason: RelayDrop): RelayDrop {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    return reason;
  }
}

/** As much of a frame as names its slot. */
function frameWith(pathId: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + pathId.length);
  frame.set(pathId, 2);
  return frame;
}
