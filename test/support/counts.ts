/** The closing line of a test run, for machines. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

export function sumOf(runs: readonly Counts[]): Counts {
  const total = (count: keyof Counts): number => runs.reduce((sum, run) => sum + run[count], 0);
  return { passed: total('passed'), failed: total('failed'), skipped: total('skipped') };
}
