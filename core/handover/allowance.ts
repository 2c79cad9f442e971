/** So many at once, and then one every so often: what a network that flaps may cause. */
import type { Clock } from '../runtime';

export class Allowance {
  private left: number;
  private sinceMs = -Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly limits: { readonly burst: number; readonly everyMs: number },
  ) {
    this.left = limits.burst;
  }

  take(): boolean {
    this.refill();
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }

  /** Until the next may be taken, whole milliseconds. */
  get delayMs(): number {
    this.refill();
    return Math.max(1, Math.ceil((1 - this.left) * this.limits.everyMs));
  }

  private refill(): void {
    const { burst, everyMs } = this.limits;
    const nowMs = this.clock.now();
    this.left = Math.min(burst, this.left + (nowMs - Math.max(this.sinceMs, 0)) / everyMs);
    this.sinceMs = nowMs;
  }
}
