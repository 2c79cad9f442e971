/**
 * Answers that were given, so that a duplicate request is answered again from memory and handled only once. Bounded per
 * peer and in time: whoever asked has given up long before. A request that fell out of memory is also out of the
 * transaction window's favour.
 */
import type { Clock } from '../runtime';

export const REMEMBERED = 64;
/** More than twice of what a request is waited for (exchanges.ts). */
const REMEMBERED_MS = 10_000;
/** Of all peers. */
const REMEMBERED_IN_ALL = 65_536;

interface Given {
  readonly transaction: bigint;
  answer: Uint8Array | 'in progress';
}

/** Those to one peer, oldest first. A server has one of these for each node, and most of them are empty. */
export class Answers {
  private given: Given[] | undefined;

  begin(transaction: bigint): void {
    this.given ??= [];
    this.given.push({ transaction, answer: 'in progress' });
    if (this.given.length > REMEMBERED) this.given.shift();
  }

  finish(transaction: bigint, datagram: Uint8Array): void {
    const given = this.of(transaction);
    if (given) given.answer = datagram;
  }

  /** The datagram to send again; `in progress` and `undefined` mean: stay silent. */
  find(transaction: bigint): Uint8Array | 'in progress' | undefined {
    return this.of(transaction)?.answer;
  }

  /** This one and all that are older. */
  forget(transaction: bigint): void {
    const index = this.given?.findIndex((given) => given.transaction === transaction) ?? -1;
    if (index < 0) return;
    if (index + 1 === this.given!.length) this.given = undefined;
    else this.given!.splice(0, index + 1);
  }

  private of(transaction: bigint): Given | undefined {
    if (this.given) for (const given of this.given) if (given.transaction === transaction) return given;
    return undefined;
  }
}

/** When whose answers are to be forgotten: one queue for all peers, so that nothing has to go through them. */
export class Forgetting {
  private queue: { readonly answers: Answers; readonly transaction: bigint; readonly untilMs: number }[] = [];
  private head = 0;

  constructor(private readonly clock: Clock) {}

  later(answers: Answers, transaction: bigint): void {
    const now = this.clock.now();
    this.queue.push({ answers, transaction, untilMs: now + REMEMBERED_MS });
    this.due(now);
  }

  private due(now: number): void {
    const tooMany = this.queue.length - REMEMBERED_IN_ALL;
    for (; this.queue[this.head]!.untilMs <= now || this.head < tooMany; this.head++) {
      const { answers, transaction } = this.queue[this.head]!;
      answers.forget(transaction);
    }
    if (this.head < this.queue.length / 2) return;
    this.queue = this.queue.slice(this.head);
    this.head = 0;
  }
}
