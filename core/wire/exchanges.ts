/**
 * Requests that wait for their answers: sent, and sent again with growing patience, until there is one.
 *
 *   waiting -- answer --> settled
 *      |------ 250, 500, 1,000, 2,000 ms without one --> unanswered
 *      |------ this host could send none of the first two -> unanswered
 *      '------ hint that the key is unknown there -----> a short wait for the true answer --> unanswered
 */
import type { Clock, Timer, Timers } from '../runtime';
import { textOf } from './keys';
import type { Message } from './messages';
import { Refused, Unanswered } from './outcomes';

/** First wait for an answer; doubles with each try. A loopback or LAN answer takes a few ms, an LTE one under 200. */
export const FIRST_RETRY_MS = 250;
export const TRIES = 4;
/** So many that this host cannot even send (no route, interface down) are enough to give up. */
export const UNSENT_TRIES = 2;
/** A hint is not authentic: an answer that is may still come for this long. */
export const HINT_GRACE_MS = 300;

export interface RequestOptions {
  /** How often it is sent; default 4. */
  readonly tries?: number | undefined;
  /** When it is aborted nobody wants the answer any more, and nothing is sent again. */
  readonly signal?: AbortSignal | undefined;
}

export interface Exchange extends RequestOptions {
  /** The key under which the answer must come, 8 bytes. */
  readonly keyId: Uint8Array;
  readonly transaction: bigint;
  /** The key id in the request's header, which a hint repeats; with a box it is that of the receiver's public key. */
  readonly hintKeyId: Uint8Array;
  /** Where it goes to, compared by identity. */
  readonly to: unknown;
  /** Sends the request; `retry` counts from 0. */
  send(retry: number): void;
}

export class Exchanges {
  private readonly pending = new Map<string, Pending>();

  constructor(
    private readonly timers: Timers,
    private readonly clock: Clock,
  ) {}

  /** Rejects with Refused, Unanswered, what `abort` was given, or the reason of `signal`. */
  begin(exchange: Exchange): Promise<Message> {
    const { keyId, hintKeyId, transaction, signal } = exchange;
    const id = pendingId(keyId, transaction);
    const hintId = hintKeyId === keyId ? id : pendingId(hintKeyId, transaction);
    return new Promise((resolve, reject) => {
      const aborted = (): void => pending.settle(signal?.reason as Error);
      const pending = new Pending(id, exchange, this.timers, this.clock, (result) => {
        this.pending.delete(id);
        this.pending.delete(hintId);
        signal?.removeEventListener('abort', aborted);
        if (result instanceof Error) reject(result);
        else if (result.name === 'refusal') reject(new Refused(result.body.code, result.body.addresses));
        else resolve(result);
      });
      this.pending.set(id, pending);
      this.pending.set(hintId, pending);
      signal?.addEventListener('abort', aborted);
      pending.attempt();
    });
  }

  /** What waits for this answer, or `undefined`. The message must be authentic under `keyId`. */
  waitingFor(keyId: Uint8Array, transaction: bigint): { settle(answer: Message): void } | undefined {
    const id = pendingId(keyId, transaction);
    const pending = this.pending.get(id);
    return pending?.id === id ? pending : undefined;
  }

  /** Anyone may have sent this. False when nothing waits that it could be about. */
  hint(keyId: Uint8Array, transaction: bigint): boolean {
    const pending = this.pending.get(pendingId(keyId, transaction));
    pending?.hint();
    return pending !== undefined;
  }

  /** This host could not send what was last sent there. */
  unsent(to: unknown, code: string): void {
    for (const pending of new Set(this.pending.values())) if (pending.exchange.to === to) pending.unsent(code);
  }

  /** Somebody waits: what was last sent so long ago is sent again now. The other side knows it for a duplicate. */
  hurry(atLeastMs: number, keyId?: Uint8Array): void {
    for (const pending of this.under(keyId)) pending.hurry(atLeastMs);
  }

  /** Rejects what waits for an answer under this key, or everything. */
  abort(error: Error, keyId?: Uint8Array): void {
    for (const pending of this.under(keyId)) pending.settle(error);
  }

  /** What waits for an answer under this key, or everything. */
  private under(keyId: Uint8Array | undefined): Pending[] {
    const all = [...new Set(this.pending.values())];
    const wanted = keyId && textOf(keyId);
    return wanted === undefined ? all : all.filter(({ exchange }) => textOf(exchange.keyId) === wanted);
  }
}

class Pending {
  private tries = 0;
  private sent = 0;
  private sentMs = 0;
  private unsentTries = 0;
  private unsentCode: string | undefined;
  private hinted = false;
  private timer: Timer | undefined;

  /** `id`: of the key under which the answer must come. `settled` is called once. */
  constructor(
    readonly id: string,
    readonly exchange: Exchange,
    private readonly timers: Timers,
    private readonly clock: Clock,
    private readonly settled: (result: Message | Error) => void,
  ) {}

  attempt(): void {
    const isStuck = this.unsentTries >= UNSENT_TRIES && this.unsentTries >= this.sent;
    if (this.hinted || isStuck || this.tries === (this.exchange.tries ?? TRIES)) {
      return this.settle(new Unanswered(this.hinted, this.unsentCode));
    }
    this.timer = this.timers.schedule(FIRST_RETRY_MS * 2 ** this.tries++, () => this.attempt());
    this.send();
  }

  settle(result: Message | Error): void {
    this.timer?.cancel();
    this.settled(result);
  }

  hint(): void {
    if (this.hinted) return;
    this.hinted = true;
    this.timer?.cancel();
    this.timer = this.timers.schedule(HINT_GRACE_MS, () => this.attempt());
  }

  unsent(code: string): void {
    this.unsentTries++;
    this.unsentCode = code;
  }

  hurry(atLeastMs: number): void {
    if (!this.hinted && this.clock.now() - this.sentMs >= atLeastMs) this.send();
  }

  private send(): void {
    this.sentMs = this.clock.now();
    this.exchange.send(this.sent++);
  }
}

const transactionBytes = new Uint8Array(8);
const transactionView = new DataView(transactionBytes.buffer);

function pendingId(keyId: Uint8Array, transaction: bigint): string {
  transactionView.setBigUint64(0, transaction);
  return textOf(keyId) + textOf(transactionBytes);
}
