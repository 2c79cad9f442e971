/**
 * Time and randomness for tests: nothing sleeps, and a run with the same seed is the same run.
 *
 *   const time = new VirtualTime();
 *   time.schedule(100, fire);
 *   time.advance(99);      // nothing
 *   time.advance(1);       // fire()
 *   time.runUntilIdle();   // until no timer is left
 */
import type { Clock, Random, Timer, Timers } from '../../core/runtime';

interface Scheduled {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class VirtualTime implements Clock, Timers {
  private nowMs = 0;
  private order = 0;
  /** A binary heap on (dueMs, order), with `heap[0]` the next to fire. Cancelled timers stay until they surface. */
  private readonly heap: Scheduled[] = [];
  private readonly cancelled = new Set<Scheduled>();
  /** Fired, or cancelled and dropped: cancelling these again must not count. */
  private readonly gone = new WeakSet<Scheduled>();

  constructor(private epochMs = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.nowMs;
  }

  wallTimeMs(): number {
    return this.epochMs + this.nowMs;
  }

  schedule(delayMs: number, fire: () => void): Timer {
    const scheduled: Scheduled = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.order++, fire };
    this.push(scheduled);
    return {
      cancel: () => {
        if (!this.gone.has(scheduled)) this.cancelled.add(scheduled);
      },
    };
  }

  soon(fire: () => void): void {
    this.schedule(0, fire);
  }

  /** Timers that have neither fired nor been cancelled. */
  get pendingCount(): number {
    return this.heap.length - this.cancelled.size;
  }

  /** When the next timer is due, in milliseconds from now. */
  get nextDelayMs(): number | undefined {
    const next = this.peek();
    return next && Math.max(0, next.dueMs - this.nowMs);
  }

  /** Moves time forward by `ms`, firing what comes due on the way, each at its own time and in order. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let next = this.peek(); next && next.dueMs <= untilMs; next = this.peek()) this.fireNext();
    this.nowMs = untilMs;
  }

  /** Fires timers until none is left. Throws after `limitMs` of virtual time: something then keeps itself awake. */
  runUntilIdle(limitMs = 24 * 3600 * 1000): void {
    this.runUntil(() => this.peek() === undefined, limitMs);
  }

  /** Fires timers until `condition` holds. Throws when no timer is left or `limitMs` went by without it. */
  runUntil(condition: () => boolean, limitMs = 24 * 3600 * 1000): void {
    const limit = this.nowMs + limitMs;
    while (!condition()) {
      const next = this.peek();
      if (!next) throw new Error(`nothing is scheduled at ${this.nowMs} ms and the condition does not hold`);
      if (next.dueMs > limit) throw new Error(`the condition does not hold after ${limitMs} ms of virtual time`);
      this.fireNext();
    }
  }

  /** Lets the wall clock jump, as when a host corrects it; the monotonic clock does not move. */
  jumpWallTime(ms: number): void {
    this.epochMs += ms;
  }

  private fireNext(): void {
    const next = this.pop();
    if (!next) return;
    this.gone.add(next);
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    next.fire();
  }

  private peek(): Scheduled | undefined {
    while (this.heap[0] && this.cancelled.delete(this.heap[0])) this.gone.add(this.pop()!);
    return this.heap[0];
  }

  private push(scheduled: Scheduled): void {
    const heap = this.heap;
    let at = heap.push(scheduled) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(heap[at]!, heap[parent]!)) return;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  private pop(): Scheduled | undefined {
    const heap = this.heap;
    const top = heap[0];
    const last = heap.pop();
    if (!top || !last || top === last) return top;
    heap[0] = last;
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      }
      if (least === at) return top;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** Repeatable bytes (splitmix32). Print `seed` with a failure. */
export class SeededRandom implements Random {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() & 0xff;
    return bytes;
  }

  uint32(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** 0 <= n < limit. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit);
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32;
  }
}
