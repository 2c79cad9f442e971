/**
 * Requests that wait for their answers: sent, and sent again with growing patience, until there is one.
 *
 *   waiting -- answer --> settled
 *      |------ 250, 500, 1,000, 2,000 ms without one --> unanswered
 *      '------ hint that the key is unknown there -----> a short wait for the true answer --> unanswered
 */
import type { Timer, Timers } from '../runtime';
import { hex } from './keys';
import type { Message } from './messages';
import { Refused, Unanswered } from './outcomes';

/** First wait for an answer; doubles with each try. A loopback or LAN answer takes a few ms, an LTE one under 200. */
const FIRST_RETRY_MS = 250;
const TRIES = 4;
/** A hint is not authentic: an answer that is may still come for this long. */
const HINT_GRACE_MS = 300;

export interface Exchange {
  /** The key under which the answer must come, 8 bytes. */
  readonly keyId: Uint8Array;
  readonly transaction: bigint;
  /** The key id in the request's header, which a hint repeats; with a box it is that of the receiver's public key. */
  readonly hintKeyId: Uint8Array;
  /** Sends the request; `retry` counts from 0. */
  send(retry: number): void;
}

interface Pending {
  readonly keyId: string;
  settle(result: Message | Error): void;
  hint(): void;
}

export class Exchanges {
  private readonly pending = new Map<string, Pending>();

  constructor(private readonly timers: Timers) {}

  /** Rejects with Refused, Unanswered, or what `abort` was given. */
  begin(exchange: Exchange): Promise<Message> {
    const id = pendingId(exchange.keyId, exchange.transaction);
    const hintId = pendingId(exchange.hintKeyId, exchange.transaction);
    return new Promise((resolve, reject) => {
      let tries = 0;
      let hinted = false;
      let timer: Timer | undefined;
      const settle = (result: Message | Error): void => {
        timer?.cancel();
        this.pending.delete(id);
        this.pending.delete(hintId);
        if (result instanceof Error) reject(result);
        else if (result.name === 'refusal') reject(new Refused(result.body.code, result.body.addresses));
        else resolve(result);
      };
      const attempt = (): void => {
        if (hinted || tries === TRIES) return settle(new Unanswered(hinted));
        timer = this.timers.schedule(FIRST_RETRY_MS * 2 ** tries, attempt);
        exchange.send(tries++);
      };
      const hint = (): void => {
        if (hinted) return;
        hinted = true;
        timer?.cancel();
        timer = this.timers.schedule(HINT_GRACE_MS, attempt);
      };
      const pending = { keyId: hex(exchange.keyId), settle, hint };
      this.pending.set(id, pending);
      this.pending.set(hintId, pending);
      attempt();
    });
  }

  /** What waits for this answer, or `undefined`. The message must be authentic under `keyId`. */
  waitingFor(keyId: Uint8Array, transaction: bigint): { settle(answer: Message): void } | undefined {
    const pending = this.pending.get(pendingId(keyId, transaction));
    return pending?.keyId === hex(keyId) ? pending : undefined;
  }

  /** Anyone may have sent this. False when nothing waits that it could be about. */
  hint(keyId: Uint8Array, transaction: bigint): boolean {
    const pending = this.pending.get(pendingId(keyId, transaction));
    pending?.hint();
    return pending !== undefined;
  }

  /** Rejects what waits for an answer under this key, or everything. */
  abort(error: Error, keyId?: Uint8Array): void {
    const wanted = keyId && hex(keyId);
    for (const pending of new Set(this.pending.values())) {
      if (wanted === undefined || pending.keyId === wanted) pending.settle(error);
    }
  }
}

function pendingId(keyId: Uint8Array, transaction: bigint): string {
  return `${hex(keyId)}/${transaction}`;
}
