/**
 * A reader of some boxes: takes what is there, one item after the other, and what comes later.
 *
 *   waiting --perhaps something is there--> taking --nothing left--> waiting
 *                                              '---- handler does not take it, or no answer --> waiting, for a while
 */
import type { Timer, Timers } from '../runtime';
import type { TakenOutcome } from '../wire/cache-messages';
import type { Opened } from './contract';
import type { Postbox } from './postbox';

/** An item that its handler did not take is given to it again. */
const AGAIN_MS = 5_000;

export class Reader {
  private readonly stopListening: () => void;
  private state: 'waiting' | 'taking' | 'told meanwhile' | 'stopped' = 'waiting';
  private againTimer: Timer | undefined;

  /** `handle` says what became of an item: undefined when it shall come again. Never throws. */
  constructor(
    private readonly postbox: Postbox,
    private readonly timers: Timers,
    private readonly boxes: () => readonly string[],
    private readonly handle: (item: Opened) => Promise<TakenOutcome | undefined>,
  ) {
    this.stopListening = postbox.listen(() => this.perhaps());
  }

  /** Something may be there. */
  perhaps(): void {
    if (this.state === 'taking') this.state = 'told meanwhile';
    if (this.state === 'waiting') void this.takeAll();
  }

  stop(): void {
    this.state = 'stopped';
    this.againTimer?.cancel();
    this.stopListening();
  }

  private async takeAll(): Promise<void> {
    this.state = 'taking';
    this.againTimer?.cancel();
    try {
      while (await this.takeSome()) if (this.isStopped) return;
      this.postbox.served();
    } catch {
      if (!this.isStopped) this.postbox.failed();
    }
    if (!this.isStopped) this.state = 'waiting';
  }

  /** Whether there may be more. */
  private async takeSome(): Promise<boolean> {
    this.state = 'taking';
    const boxes = this.boxes();
    if (boxes.length === 0) return false;
    let item = await this.postbox.next(boxes);
    while (item && !this.isStopped) {
      const outcome = await this.handle(item);
      if (!outcome) {
        this.againTimer = this.timers.schedule(AGAIN_MS, () => this.perhaps());
        return false;
      }
      this.postbox.remember(item);
      item = await this.postbox.next(this.isStopped ? [] : this.boxes(), { number: item.number, outcome });
    }
    return (this.state as string) === 'told meanwhile';
  }

  private get isStopped(): boolean {
    return this.state === 'stopped';
  }
}
