/** A program's event loop on virtual time: while it computes nothing fires; then timers do, and then what came is read. */
import type { Timer, Timers } from '../../core/runtime';
import type { VirtualTime } from './virtual-time';

export class EventLoop implements Timers {
  private computes = false;
  private due: (() => void)[] = [];
  private unread: (() => void)[] = [];

  constructor(private readonly time: VirtualTime) {}

  schedule(delayMs: number, fire: () => void): Timer {
    let isCancelled = false;
    const timer = this.time.schedule(delayMs, () => this.run(this.due, () => isCancelled || fire()));
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  soon(fire: () => void): void {
    this.schedule(0, fire);
  }

  /** Something has come. */
  read(receive: () => void): void {
    this.run(this.unread, receive);
  }

  compute(ms: number): void {
    this.computes = true;
    this.time.advance(ms);
    this.computes = false;
    for (const fire of [...this.due.splice(0), ...this.unread.splice(0)]) fire();
  }

  private run(waiting: (() => void)[], action: () => void): void {
    if (this.computes) waiting.push(action);
    else action();
  }
}
