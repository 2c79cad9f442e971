/**
 * Is this a way to servers? Signalling under a key that nobody has, three times: a server answers it by Unknown Key,
 * which repeats the key id, whatever it knows of this node; and where it would have sent to a node it goes on sending.
 */
import type { Random, Timer, Timers } from '../runtime';
import type { Endpoint } from '../wire/addresses';
import { readHeader, Seal, SIGNALLING_VERSION, writeHeader } from '../wire/header';
import { textOf } from '../wire/keys';
import { messages } from '../wire/messages';

/** After the first. */
const AGAIN_MS = [250, 750] as const;
/** Of those that were heard of last. */
const SERVERS_LIMIT = 3;

export interface TrialOptions {
  readonly timers: Timers;
  readonly random: Random;
  readonly servers: readonly Endpoint[];
  /** By the way that is tried. */
  send(datagram: Uint8Array, to: Endpoint): void;
}

export class Trial {
  private readonly question: Uint8Array;
  private readonly keyId: string;
  private readonly again: readonly Timer[];

  constructor(private readonly options: TrialOptions) {
    const bytes = options.random.bytes(16);
    const keyId = bytes.subarray(0, 8);
    this.keyId = textOf(keyId);
    this.question = writeHeader({
      ...{ version: SIGNALLING_VERSION, seal: Seal.secret, role: 0, response: false, handover: false, keyId },
      ...{ type: messages.keepAlive.type, transaction: Buffer.from(bytes).readBigUInt64BE(8) },
    });
    this.ask();
    this.again = AGAIN_MS.map((delayMs) => options.timers.schedule(delayMs, () => this.ask()));
  }

  isAnsweredBy(datagram: Uint8Array): boolean {
    const header = readHeader(datagram);
    return header?.seal === Seal.none && textOf(header.keyId) === this.keyId;
  }

  end(): void {
    for (const timer of this.again) timer.cancel();
  }

  private ask(): void {
    for (const server of this.options.servers.slice(-SERVERS_LIMIT)) this.options.send(this.question, server);
  }
}
