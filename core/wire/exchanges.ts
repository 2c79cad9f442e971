/**
 * Requests that wait for their answers: sent, and sent again with growing patience, until there is one.
 *
 *   waiting -- answer --> settled
 *      |------ 250, 500, 1,000, 2,000 ms without one --> unanswered
 *      |------ this host could send none of the first two -> unanswered
 *      '------ hint that the key is unknown there -----> a short wait for the true answer --> unanswered
 */
import type { Clock, Timer, Timers } from '../runtime';
import { hex } from './keys';
import type { Message } from './messages';
import { Refused, Unanswered } from './outcomes';

/** First wait for an answer; doubles with each try. A loopback or LAN answer takes a few ms, an LTE one under 200. */
export const FIRST_RETRY_MS = 250;
export const TRIES = 4;
/** So many that this host cannot even send (no route, interface down) are enough to give up. */
export const UNSENT_TRIES = 2;
/** A hint is not authentic: an answer that is may still come for this long. */
export const HINT_GRACE_MS = 300;

export interface Exchange {
  /** The key under which the answer must come, 8 bytes. */
  readonly keyId: Uint8Array;
  readonly transaction: bigint;
  /** The key id in the request's header, which a hint repeats; with a box it is that of the receiver's public key. */
  readonly hintKeyId: Uint8Array;
  /** Where it goes to, compared by identity. */
  readonly to: unknown;
  /** Default: 4. */
  readonly tries?: number;
  /** Sends the request; `retry` counts from 0. */
  send(retry: number): void;
}

interface Pending {
  readonly keyId: string;
  readonly to: unknown;
  settle(result: Message | Error): void;
  hint(): void;
  unsent(code: string): void;
  hurry(atLeastMs: number): void;
}

export class Exchanges {
  private readonly pending = new Map<string, Pending>();

  constructor(
    private readonly timers: Timers,
    private readonly clock: Clock,
  ) {}

  /** Rejects with Refused, Unanswered, or what `abort` was given. */
  begin(exchange: Exchange): Promise<Message> {
    const id = pendingId(exchange.keyId, exchange.transaction);
    const hintId = pendingId(exchange.hintKeyId, exchange.transaction);
    return new Promise((resolve, reject) => {
      const limit = exchange.tries ?? TRIES;
      let tries = 0;
      let sent = 0;
      let sentMs = 0;
      let unsent = 0;
      let unsentCode: string | undefined;
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
      const send = (): void => {
        sentMs = this.clock.now();
        exchange.send(sent++);
      };
      const attempt = (): void => {
        const isStuck = unsent >= UNSENT_TRIES && unsent >= sent;
        if (hinted || isStuck || tries === limit) return settle(new Unanswered(hinted, unsentCode));
        timer = this.timers.schedule(FIRST_RETRY_MS * 2 ** tries++, attempt);
        send();
      };
      const hint = (): void => {
        if (hinted) return;
        hinted = true;
        timer?.cancel();
        timer = this.timers.schedule(HINT_GRACE_MS, attempt);
      };
      const pending: Pending = {
        ...{ keyId: hex(exchange.keyId), to: exchange.to, settle, hint },
        unsent: (code) => {
          unsent++;
          unsentCode = code;
        },
        hurry: (atLeastMs) => {
          if (!hinted && this.clock.now() - sentMs >= atLeastMs) send();
        },
      };
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

  /** This host could not send what was last sent there. */
  unsent(to: unknown, code: string): void {
    for (const pending of new Set(this.pending.values())) if (pending.to === to) pending.unsent(code);
  }

  /** Somebody waits: what was last sent so long ago is sent again now. The other side knows it for a duplicate. */
  hurry(atLeastMs: number): void {
    for (const pending of new Set(this.pending.values())) pending.hurry(atLeastMs);
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
