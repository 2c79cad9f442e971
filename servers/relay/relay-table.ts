/**
 * The hot part of an RS: which path a frame belongs to, whether its source is a side of it, and what may be sent. The
 * main process decides what is in it (relay-paths.ts); worker processes have a copy (relay-worker.ts).
 *
 * A path sends at most BURST_S of its rate at once. What other processes have sent of a path is told later and taken
 * off then, and so its allowance can be below nothing for a while: over time the rate holds for all of them together,
 * and each process adds one burst at most.
 */
import type { Clock } from '../../core/runtime';
import { sameEndpoint, type Endpoint } from '../../core/wire/addresses';
import { hasPathId, isRelayFrame, slotOfPath, slotOf } from '../../core/wire/relay-frame';

/** Of a path's rate, what it may send at once. */
const BURST_S = 0.25;

export type RelayDrop =
  | 'not a relay frame'
  | 'unknown path'
  | 'unbound source'
  | 'other side unbound'
  | 'rate'
  | 'quota'
  | 'too many unplaced'; // a worker has more for the main process than that takes

/** Whose quota it is. */
export interface Owner {
  readonly name: string;
  usedBytes: number;
}

export interface TableLimits {
  /** Of one path, both directions together, with frame headers. */
  readonly bytesPerSecond: number;
  /** Of all paths of one owner, in a day. */
  readonly quotaBytes: number;
}

export interface TablePath {
  readonly id: Uint8Array;
  readonly owner: Owner;
  /** Where each side is. */
  readonly sides: [Endpoint | undefined, Endpoint | undefined];
  /** Bytes that may be sent now. */
  allowance: number;
  filledMs: number;
  /** What this process has sent since the others were told. */
  untoldBytes: number;
}

/** What was sent of a path. */
export type Spent = readonly [pathId: Uint8Array, bytes: number];

export class RelayTable<P extends TablePath = TablePath> {
  /** Frames dropped, by reason. */
  readonly drops = new Map<RelayDrop, number>();
  forwardedPackets = 0;
  forwardedBytes = 0;
  /** Set where other processes forward too: paths with something that they must be told. */
  untold: P[] | undefined;
  private readonly slots: (P | undefined)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly limits: TableLimits,
    private readonly transmit: (datagram: Uint8Array, to: Endpoint) => void,
  ) {}

  put(path: P): void {
    this.slots[slotOfPath(path.id)] = path;
  }

  remove(path: P): boolean {
    const slot = slotOfPath(path.id);
    if (this.slots[slot] !== path) return false;
    this.slots[slot] = undefined;
    return true;
  }

  find(id: Uint8Array): P | undefined {
    const path = this.slots[slotOfPath(id)];
    return path && id.every((byte, i) => byte === path.id[i]) ? path : undefined;
  }

  /** The hot path: one frame, to the other side as it is. Why not, otherwise. */
  forward(frame: Uint8Array, from: Endpoint): RelayDrop | undefined {
    if (!isRelayFrame(frame)) return this.drop('not a relay frame');
    const path = this.slots[slotOf(frame)];
    if (!path || !hasPathId(frame, path.id)) return this.drop('unknown path');
    const first = path.sides[0];
    const second = path.sides[1];
    const isFirst = first !== undefined && sameEndpoint(first, from);
    if (!isFirst && !(second && sameEndpoint(second, from))) return this.drop('unbound source');
    const to = isFirst ? second : first;
    if (!to) return this.drop('other side unbound');
    if (!this.hasAllowance(path, frame.length)) return this.drop('rate');
    if (path.owner.usedBytes >= this.limits.quotaBytes) return this.drop('quota');
    this.spend(path, frame.length);
    this.transmit(frame, to);
    return undefined;
  }

  /** What was sent since this was last asked. */
  takeUntold(): Spent[] {
    const { untold = [] } = this;
    this.untold = [];
    return untold.map((path) => {
      const { id, untoldBytes } = path;
      path.untoldBytes = 0;
      return [id, untoldBytes];
    });
  }

  /** Other processes have sent this. */
  spentElsewhere(spent: readonly Spent[]): void {
    for (const [id, bytes] of spent) {
      const path = this.find(id);
      if (!path) continue;
      path.allowance -= bytes;
      path.owner.usedBytes += bytes;
    }
  }

  drop(reason: RelayDrop): RelayDrop {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    return reason;
  }

  *[Symbol.iterator](): Iterator<P> {
    for (const path of this.slots) if (path) yield path;
  }

  /** What a path that is new here may send. */
  full(): Pick<TablePath, 'allowance' | 'filledMs' | 'untoldBytes'> {
    return { allowance: this.limits.bytesPerSecond * BURST_S, filledMs: this.clock.now(), untoldBytes: 0 };
  }

  private hasAllowance(path: P, bytes: number): boolean {
    const { bytesPerSecond } = this.limits;
    const now = this.clock.now();
    path.allowance += ((now - path.filledMs) / 1000) * bytesPerSecond;
    path.allowance = Math.min(path.allowance, bytesPerSecond * BURST_S);
    path.filledMs = now;
    return path.allowance >= bytes;
  }

  private spend(path: P, bytes: number): void {
    path.allowance -= bytes;
    path.owner.usedBytes += bytes;
    this.forwardedPackets += 1;
    this.forwardedBytes += bytes;
    if (!this.untold) return;
    if (path.untoldBytes === 0) this.untold.push(path);
    path.untoldBytes += bytes;
  }
}
