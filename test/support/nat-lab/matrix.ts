/** Who reaches whom: every place dials every place. */
import type { ObserveOptions, Outcome } from './dialling';
import type { NatLab } from './nat-lab';
import type { Place } from './place';
import { judge, listenerAt, nameOf, runPair, type Pair, type Result } from './scenario';

export interface Row extends Pair {
  readonly outcome: Outcome;
  readonly result: Result;
}

export interface MatrixOptions extends ObserveOptions {
  /** Pairs that are observed at the same time. */
  readonly jobs: number;
  onRow?(row: Row): void;
}

export const allPairs = (places: readonly Place[]): Pair[] =>
  places.flatMap((from) => places.map((to) => ({ from, to })));

/** In the order of the pairs. Never rejects for what happens between two places: that stands in the row. */
export async function runMatrix(lab: NatLab, pairs: readonly Pair[], options: MatrixOptions): Promise<Row[]> {
  const listeners = [...new Set(pairs.map(({ to }) => to))];
  await inParallel(listeners, options.jobs, async (place) => void (await listenerAt(lab, place)));
  return inParallel(pairs, options.jobs, async (pair) => {
    const outcome = await runPair(lab, pair, options);
    const row = { ...pair, outcome, result: judge(pair, outcome) };
    options.onRow?.(row);
    return row;
  });
}

const COLUMNS = ['from', 'to', 'connected', 'first path', 'path', 'first byte (ms)', 'direct (ms)', ''] as const;

export function tableOf(rows: readonly Row[]): string[] {
  const cells = rows.map(({ from, to, outcome, result }) => [
    ...[from.name, to.name, outcome.connected ? 'yes' : 'NO', outcome.firstPath ?? '-', result.path],
    ...[result.firstByteMs, result.directMs].map((ms) => (ms === null ? '-' : ms.toFixed(0))),
    result.ok ? '' : result.note,
  ]);
  const widths = COLUMNS.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  return [COLUMNS, ...cells].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}

export function summaryOf(rows: readonly Row[]): string[] {
  const connected = rows.filter(({ outcome }) => outcome.connected);
  const middle = (values: readonly number[]): string => {
    const sorted = values.toSorted((a, b) => a - b);
    const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? NaN).toFixed(0);
    return sorted.length === 0 ? '-' : `${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ${at(1)} ms (most)`;
  };
  const wrong = rows.filter(({ result }) => !result.ok).map((row) => nameOf(row));
  return [
    `${connected.length} of ${rows.length} pairs connect; ${count(rows, 'direct')} direct, ${count(rows, 'relay')} by a relay`,
    `first byte: ${middle(connected.flatMap(({ outcome }) => outcome.firstByteMs ?? []))}`,
    `direct: ${middle(connected.flatMap(({ outcome }) => outcome.directMs ?? []))}`,
    `${rows.length - wrong.length} of ${rows.length} are as expected`,
  ];
}

const count = (rows: readonly Row[], path: string): number => rows.filter(({ result }) => result.path === path).length;

/** In the order of the items, `jobs` at a time. */
async function inParallel<T, R>(items: readonly T[], jobs: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!);
  };
  await Promise.all(Array.from({ length: Math.min(jobs, items.length) }, worker));
  return results;
}
