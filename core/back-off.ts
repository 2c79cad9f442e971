/** Exponential back-off: how long to wait after a number of failures in a row. */

/** Both in the same unit. */
export interface BackOff {
  readonly first: number;
  readonly limit: number;
}

/** `first` for the first failure (`failures`: those before it), twice as long after each, `limit` at most. */
export function backOff({ first, limit }: BackOff, failures: number): number {
  return Math.min(first * 2 ** failures, limit);
}
