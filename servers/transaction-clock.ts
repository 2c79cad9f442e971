/**
 * Where a server's transaction ids begin. Those that share a long-term key with it take an id for a replay that is not
 * above the last ones, so ids must go on rising across restarts. The wall clock alone does not see to that: it is set
 * back, by an hour after a wrong time zone or by years after a flat battery, and a server that restarts then would be
 * heard by nobody until the clock has caught up, or the others have restarted.
 *
 *   begins at    the wall clock, or what was kept, whichever is later
 *   goes on      with the steady clock, which nobody sets
 *   is kept      AHEAD_MS further than it is, and again before it is there: a crash needs no last word
 */
import type { Clock, Timer, Timers } from '../core/runtime';

const AHEAD_MS = 600_000;
/** Years ahead of the ids that 64 bits hold, 44 of them for milliseconds. */
const LATEST_MS = 2 ** 43;

export interface KeptTime {
  /** `undefined` when nothing was kept. */
  read(): number | undefined;
  /** May throw: then a restart begins at the wall clock, or at what was kept before. */
  write(ms: number): void;
}

export class TransactionClock {
  private readonly aheadOfClockMs: number;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly kept: KeptTime,
    private readonly onFailure: (error: unknown) => void,
  ) {
    const before = kept.read() ?? 0;
    const begin = Math.max(clock.wallTimeMs(), before < LATEST_MS ? before : 0);
    this.aheadOfClockMs = begin - clock.now();
    this.keep();
  }

  /** Milliseconds since 1970, or later. */
  readonly now = (): number => this.aheadOfClockMs + this.clock.now();

  stop(): void {
    this.timer?.cancel();
    this.write(this.now() + 1);
  }

  private keep(): void {
    this.write(this.now() + AHEAD_MS);
    this.timer = this.timers.schedule(AHEAD_MS / 2, () => this.keep());
  }

  private write(ms: number): void {
    try {
      this.kept.write(Math.ceil(ms));
    } catch (error) {
      this.onFailure(error);
    }
  }
}
