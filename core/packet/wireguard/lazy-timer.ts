/**
 * A timer that is put off with every packet: moving the deadline later or away costs an assignment, not a timer.
 * The timer below fires at the old deadline and then waits for the rest.
 */
import type { Clock, Timer, Timers } from '../../runtime';

export class LazyTimer {
  private deadlineMs: number | undefined;
  private closed = false;
  private timer: { readonly handle: Timer; readonly dueMs: number } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly fire: () => void,
  ) {}

  get isSet(): boolean {
    return this.deadlineMs !== undefined;
  }

  set(delayMs: number): void {
    if (this.closed) return;
    this.deadlineMs = this.clock.now() + delayMs;
    if (this.timer && this.timer.dueMs <= this.deadlineMs) return;
    this.timer?.handle.cancel();
    this.arm();
  }

  clear(): void {
    this.deadlineMs = undefined;
  }

  /** Nothing is left behind, and nothing can be set any more. */
  close(): void {
    this.closed = true;
    this.clear();
    this.timer?.handle.cancel();
    this.timer = undefined;
  }

  private arm(): void {
    if (this.deadlineMs === undefined) return;
    const dueMs = this.deadlineMs;
    const handle = this.timers.schedule(Math.max(0, dueMs - this.clock.now()), () => this.elapsed());
    this.timer = { handle, dueMs };
  }

  private elapsed(): void {
    this.timer = undefined;
    if (this.deadlineMs === undefined) return;
    if (this.clock.now() < this.deadlineMs) return this.arm();
    this.deadlineMs = undefined;
    this.fire();
  }
}
