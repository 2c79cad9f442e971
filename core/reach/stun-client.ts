/**
 * Asks servers by STUN where they see this node, from the sockets that carry its tunnels.
 *
 *   asked -- answer, to whichever try --> { mapped, from, rttMs }
 *     '----- no answer to the last try in time --> undefined
 *
 * Each try has a transaction id of its own, so that it is known how long an answer took. A process on the way could
 * make an answer up: it tells where this node may be tried, and nothing that is relied on.
 */
import type { Clock, Random, Timer, Timers } from '../runtime';
import { sameEndpoint, type Endpoint } from '../wire/addresses';
import { canonicalIp } from '../wire/ip-text';
import { hex } from '../wire/keys';
import { readBindingResponse, STUN_TRANSACTION_LENGTH, writeBindingRequest } from '../wire/stun';

/** At once: two IP versions of eight servers, and as much again. */
const ASKED_LIMIT = 32;

export interface Sighting {
  /** Where this node was seen. */
  readonly mapped: Endpoint;
  /** Where the answer came from. */
  readonly from: Endpoint;
  readonly rttMs: number;
}

export interface Question {
  /** When to send, milliseconds from now; the first is 0. */
  readonly triesMs: readonly number[];
  /** When to stop waiting. */
  readonly untilMs: number;
  /** The answer shall come from another port of the server. */
  readonly changePort?: boolean;
  /** The answer shall come to this port of the address that asks. */
  readonly answerTo?: number;
}

interface Asked extends Pick<Question, 'changePort' | 'answerTo'> {
  readonly to: Endpoint;
  /** Transaction ids, as hex, and when they were sent. */
  readonly sentMs: Map<string, number>;
  readonly timers: Timer[];
  settle(sighting: Sighting | undefined): void;
}

export class StunClient {
  /** Datagrams that answer nothing that was asked. */
  strays = 0;
  private readonly asked = new Set<Asked>();

  constructor(
    private readonly options: {
      readonly clock: Clock;
      readonly timers: Timers;
      readonly random: Random;
      send(datagram: Uint8Array, to: Endpoint): void;
    },
  ) {}

  /** Never rejects. Undefined, too, when too much is asked at once. */
  ask({ address, port }: Endpoint, { triesMs, untilMs, ...wish }: Question): Promise<Sighting | undefined> {
    if (this.asked.size >= ASKED_LIMIT) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const { timers } = this.options;
      const asked: Asked = {
        ...{ to: { address: canonicalIp(address), port }, ...wish, sentMs: new Map(), timers: [] },
        settle: (sighting) => {
          this.asked.delete(asked);
          for (const timer of asked.timers) timer.cancel();
          resolve(sighting);
        },
      };
      this.asked.add(asked);
      for (const delayMs of triesMs) {
        if (delayMs > 0) asked.timers.push(timers.schedule(delayMs, () => this.send(asked)));
      }
      asked.timers.push(timers.schedule(untilMs, () => asked.settle(undefined)));
      this.send(asked);
    });
  }

  /** A datagram that looks like STUN. */
  receive(datagram: Uint8Array, from: Endpoint): void {
    const response = readBindingResponse(datagram);
    const transaction = response && hex(response.transaction);
    for (const asked of this.asked) {
      const sentMs = transaction === undefined ? undefined : asked.sentMs.get(transaction);
      if (sentMs === undefined || !isFrom(asked, from)) continue;
      return asked.settle({ mapped: response!.mapped, from, rttMs: this.options.clock.now() - sentMs });
    }
    this.strays += 1;
  }

  close(): void {
    for (const asked of [...this.asked]) asked.settle(undefined);
  }

  private send(asked: Asked): void {
    const { random, clock, send } = this.options;
    const transaction = random.bytes(STUN_TRANSACTION_LENGTH);
    asked.sentMs.set(hex(transaction), clock.now());
    const { changePort = false, answerTo } = asked;
    send(writeBindingRequest({ transaction, changePort, answerTo }), asked.to);
  }
}

function isFrom({ to, changePort }: Asked, from: Endpoint): boolean {
  return changePort ? from.address === to.address && from.port !== to.port : sameEndpoint(from, to);
}
