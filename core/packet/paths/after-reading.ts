/**
 * A timer at which it is judged what was not heard. The event loop runs timers before it reads: when the program has
 * computed meanwhile, and the timer is late, what came waits in the socket, and is read first.
 */
import type { Clock, Timer, Timers } from '../../runtime';

/** Timers are seldom later, unless the program computes. */
const LATE_MS = 5;

export function afterReading(
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  delayMs: number,
  judge: () => void,
): Timer {
  const dueMs = clock.now() + delayMs;
  let timer = timers.schedule(delayMs, () => {
    if (clock.now() - dueMs <= LATE_MS) judge();
    else timer = timers.schedule(1, judge);
  });
  return { cancel: () => timer.cancel() };
}
