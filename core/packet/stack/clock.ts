/** Declares clock.c and heap.c, and keeps one timer set for when TCP next has something to do. */
import type { Clock, Random, Timer, Timers } from '../../runtime';

export interface ClockExports {
  clock_start(): void;
  clock_enter(): void;
  clock_leave(): number;
  clock_wake(): number;
  heap_live(): number;
}

export interface ClockImports {
  now(): number;
  time(): number;
  random(): number;
  assert(message: number): never;
}

/** `clock_leave` and `clock_wake` return it when nothing is due; a wasm i32 is signed in JavaScript. */
const NEVER = -1;

export class StackClock {
  private timer: Timer | undefined;
  private dueMs = 0;
  private nowMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly random: Random,
    private readonly wake: () => void,
  ) {
    this.nowMs = clock.now();
  }

  /** Time stands still during a call into the stack: read once, at its beginning. */
  read(): void {
    this.nowMs = this.clock.now();
  }

  /** lwIP's sys_now: milliseconds that wrap at 2^32. */
  readonly now = (): number => Math.floor(this.nowMs) >>> 0;

  /** Milliseconds with fractions. */
  readonly time = (): number => this.nowMs;

  readonly randomUint32 = (): number => {
    const [a = 0, b = 0, c = 0, d = 0] = this.random.bytes(4);
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  };

  /** A timer that is set for earlier stays: it wakes for nothing once, which costs less than setting it anew. */
  sleep(delayMs: number): void {
    if (delayMs === NEVER) {
      this.cancel();
      return;
    }
    const dueMs = Math.floor(this.nowMs) + (delayMs >>> 0);
    if (this.timer && this.dueMs <= dueMs) return;
    this.timer?.cancel();
    this.dueMs = dueMs;
    this.timer = this.timers.schedule(Math.max(0, dueMs - this.nowMs), () => {
      this.timer = undefined;
      this.wake();
    });
  }

  cancel(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
