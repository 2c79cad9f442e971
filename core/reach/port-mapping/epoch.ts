/**
 * The seconds since a router began to keep its mappings, which stand in its answers: whether it has lost them since.
 * Times are seconds, with fractions on our side.
 */
export interface EpochSeen {
  readonly epochS: number;
  readonly atS: number;
}

/** RFC 6887 section 8.5: false means that the state was lost. */
export function pcpEpochHolds(before: EpochSeen, now: EpochSeen): boolean {
  if (now.epochS + 1 < before.epochS) return false;
  const ours = now.atS - before.atS;
  const theirs = now.epochS - before.epochS;
  return ours + 2 >= theirs - theirs / 16 && theirs + 2 >= ours - ours / 16;
}

/** RFC 6886 section 3.6. */
export function natPmpEpochHolds(before: EpochSeen, now: EpochSeen): boolean {
  return now.epochS >= before.epochS + ((now.atS - before.atS) * 7) / 8 - 2;
}
