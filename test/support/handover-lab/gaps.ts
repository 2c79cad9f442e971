/** How long nothing came, but for the time in which a host had no network at all: that is the movement's own doing. */
import type { Happening } from './mobile-host';

interface Span {
  readonly from: number;
  readonly until: number;
}

/** `lines`: what a client said (told.cjs), `gap MS until T`. Milliseconds; undefined: it told of none. */
export function longestGapWithNetwork(
  lines: readonly string[],
  histories: readonly (readonly Happening[])[],
): number | undefined {
  const outages = histories.flatMap(outagesOf);
  const gaps = lines.flatMap((line) => {
    const [, ms, until] = /^gap (\d+) until (\d+)$/.exec(line) ?? [];
    return ms === undefined ? [] : [{ from: Number(until) - Number(ms), until: Number(until) }];
  });
  if (gaps.length === 0) return undefined;
  return Math.max(...gaps.map((gap) => gap.until - gap.from - lengthOf(outages, gap)));
}

/** From leaving the last network until joining another. */
function outagesOf(history: readonly Happening[]): Span[] {
  return history.flatMap(({ t, joined }, i) =>
    joined.length > 0 ? [] : [{ from: t, until: history[i + 1]?.t ?? Infinity }],
  );
}

/** Of what lies within, counted once where both hosts had none. */
function lengthOf(outages: readonly Span[], within: Span): number {
  let [length, at] = [0, within.from];
  for (const { from, until } of [...outages].sort((a, b) => a.from - b.from)) {
    const [begin, end] = [Math.max(from, at), Math.min(until, within.until)];
    if (end <= begin) continue;
    length += end - begin;
    at = end;
  }
  return length;
}
