/** A promise with a time limit: `undefined` when it takes longer. What it waits for goes on unobserved. */
import type { Timers } from '../runtime';

export function within<T>(timers: Timers, limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = timers.schedule(limitMs, () => resolve(undefined));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
