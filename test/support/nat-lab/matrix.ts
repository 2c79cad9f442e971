/** Who reaches whom: every place dials every place. */
import type { ObserveOptions, Outcome } from './dialling';
import type { NatLab } from './nat-lab';
import type { Place } from './place';
import { judge, listenerAt, runPair, type Pair, type Result } from './scenario';

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
