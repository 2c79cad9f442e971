/** One session: the keys of both directions, the send counter, the replay window (white paper section 5.4.6). */
import { type Cipher, type CipherFactory } from './cipher';
import { REJECT_AFTER_MESSAGES, REJECT_AFTER_TIME_MS } from './constants';
import type { TransportKeys } from './noise';
import { ReplayWindow } from './replay-window';

export class Session {
  readonly send: Cipher;
  readonly receive: Cipher;
  readonly window = new ReplayWindow();
  sendCounter = 0;

  constructor(
    keys: TransportKeys,
    /** Whether this side sent the initiation; only it starts the rekeying. */
    readonly isInitiator: boolean,
    readonly localIndex: number,
    readonly remoteIndex: number,
    readonly createdMs: number,
    cipher: CipherFactory,
  ) {
    const { initiatorToResponder, responderToInitiator } = keys;
    this.send = cipher(isInitiator ? initiatorToResponder : responderToInitiator);
    this.receive = cipher(isInitiator ? responderToInitiator : initiatorToResponder);
    initiatorToResponder.fill(0);
    responderToInitiator.fill(0);
  }

  isFresh(now: number): boolean {
    return now - this.createdMs < REJECT_AFTER_TIME_MS && this.sendCounter < REJECT_AFTER_MESSAGES;
  }

  destroy(): void {
    this.send.destroy();
    this.receive.destroy();
  }
}
