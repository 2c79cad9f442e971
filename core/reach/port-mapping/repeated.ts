/** A datagram that is sent again until it is answered, each time after a longer wait, and not for ever. */
import type { Timer, Timers } from '../../runtime';

export class Repeated {
  private timer: Timer | undefined;
  private sent = 0;

  /** `waitsMs`: after each time that it is sent. After the last one it is given up. */
  constructor(
    private readonly timers: Timers,
    private readonly waitsMs: readonly number[],
    private readonly send: () => void,
    private readonly onSilence: () => void,
  ) {
    this.next();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private next(): void {
    const waitMs = this.waitsMs[this.sent++];
    if (waitMs === undefined) return this.onSilence();
    this.timer = this.timers.schedule(waitMs, () => this.next());
    this.send();
  }
}
