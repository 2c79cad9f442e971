/**
 * A timer that is put off with every packet: moving the deadline later or away costs an assignment, not a timer.
 * The timer below fires at the old deadline and then waits for the rest.
 */
import type { Clock, Timer, Timers } from '../../runtime';

export class LazyTimer {
  private deadlineMs = Infinity;
  private closed = false;
  private timer: Timer | undefined;
  /** When the timer below is due; Infinity without one. */
  private dueMs = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly fire: () => void,
  ) {}

  get isSet(): boolean {
    return this.deadlineMs !== Infinity;
  }

  set(delayMs: number, nowMs = this.clock.now()): void {
    if (this.closed) return;
    this.deadlineMs = nowMs + delayMs;
    if (this.dueMs <= this.deadlineMs) return;
    this.timer?.cancel();
    this.arm();
  }

  clear(): void {
    this.deadlineMs = Infinity;
  }

  /** Nothing is left behind, and nothing can be set any more. */
  close(): void {
    this.closed = true;
    this.clear();
    this.timer?.cancel();
    this.timer = undefined;
    this.dueMs = Infinity;
  }

  private arm(): void {
    this.dueMs = this.deadlineMs;
    this.timer = this.timers.schedule(Math.max(0, this.dueMs - this.clock.now()), () => this.elapsed());
  }

  private elapsed(): void {
    this.timer = undefined;
    this.dueMs = Infinity;
    if (!this.isSet) return;
    if (this.clock.now() < this.deadlineMs) return this.arm();
    this.clear();
    this.fire();
  }
}
