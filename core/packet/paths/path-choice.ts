/**
 * Which of a tunnel's paths packets go by: a pure function. What is direct goes before what is relayed, unless it is
 * much worse; among others, what is clearly faster goes first. Two that are alike never change places. What stands by
 * (standby.ts) is never chosen, and left as soon as a direct path of the interface that the host prefers works again.
 */
import { isStandby } from '../path';
import type { PathRecord } from './path-record';

/** A lost packet costs about so much: what TCP waits before it sends it again (RFC 6298's least, in practice). */
const LOSS_COST_MS = 1_000;
/** Of a path that answers, but was not measured yet. */
const UNMEASURED_MS = 200;
/** A direct path may cost so much more than the relay. Left for the relay, it has to cost more than the second. */
const UPGRADE = { factor: 2, extraMs: 50 } as const;
const DOWNGRADE = { factor: 3, extraMs: 250 } as const;
/** Among paths of one kind: clearly faster, and not too soon after the last change. */
const FASTER = 0.75;
const FASTER_MS = 10;
const DWELL_MS = 5_000;

export interface Choice {
  readonly records: readonly PathRecord[];
  readonly current: PathRecord | undefined;
  readonly nowMs: number;
  readonly lastSwitchMs: number;
  /** Of the two nodes one chooses among paths of one kind, and the other follows. */
  readonly isLeader: boolean;
}

/** The current one, or a better one; undefined when none is known to work. */
export function choosePath({ records, current, nowMs, lastSwitchMs, isLeader }: Choice): PathRecord | undefined {
  const usable = records.filter((record) => record.isUsable(nowMs) && !isStandby(record.path));
  const direct = cheapest(usable.filter(({ path }) => path.kind === 'direct'));
  const relay = cheapest(usable.filter(({ path }) => path.kind === 'relay'));
  if (!current?.isUsable(nowMs)) return direct && relay ? preferred(direct, relay, UPGRADE) : (direct ?? relay);
  if (isStandby(current.path)) return direct ?? current;
  if (current.path.kind === 'relay') return direct ? preferred(direct, current, UPGRADE) : current;
  if (relay && preferred(current, relay, DOWNGRADE) === relay && direct === current) return relay;
  if (!isLeader || !direct || nowMs - lastSwitchMs < DWELL_MS) return current;
  return costMs(direct) < costMs(current) * FASTER - FASTER_MS ? direct : current;
}

function costMs({ rttMs = UNMEASURED_MS, loss }: PathRecord): number {
  return rttMs + loss * LOSS_COST_MS;
}

function preferred(direct: PathRecord, relay: PathRecord, { factor, extraMs }: typeof UPGRADE | typeof DOWNGRADE) {
  return costMs(direct) <= costMs(relay) * factor + extraMs ? direct : relay;
}

function cheapest(records: readonly PathRecord[]): PathRecord | undefined {
  return records.reduce<PathRecord | undefined>(
    (best, record) => (best && costMs(best) <= costMs(record) ? best : record),
    undefined,
  );
}
