/**
 * An RS tells nodes where it sees them (STUN, RFC 8489), from another port of its own when they ask for that (RFC 5780
 * section 7.2): what arrives from there arrives from anywhere. To another port of the source's address (section 7.5), so
 * that a node finds out how long a NAT keeps a mapping that nothing passes through.
 *
 * Anyone may ask, and can put another's address on what it sends. So an answer is never longer than its request, no
 * source is answered more often than a node asks, and all together no more often than the RS can spare.
 */
import type { Clock } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { parseIp } from '../../core/wire/ip-text';
import { readBindingRequest, writeBindingResponse } from '../../core/wire/stun';
import { RateLimit } from '../rate-limit';

/** For each source address: a node that looks around sends a dozen, and behind one NAT there may be many nodes. */
const SOURCE_RATE = { burst: 60, refillMs: 50 };
/** For everybody together. */
const WHOLE_RATE = { burst: 2_000, refillMs: 0.5 };
/** No NAT maps a node to a lower one, and servers are there. */
const LEAST_PORT = 1_024;
const IPV6_NETWORK_LENGTH = 8;

export type StunDrop =
  | 'not a binding request'
  | 'shorter than its answer'
  | 'source asks too often'
  | 'too many ask'
  | 'no other port'
  | 'a port of the system';

export interface StunPorts {
  readonly clock: Clock;
  transmit(datagram: Uint8Array, to: Endpoint): void;
  /** From another port; undefined where there is none. */
  readonly transmitFromOtherPort: ((datagram: Uint8Array, to: Endpoint) => void) | undefined;
}

export class StunAnswers {
  answered = 0;
  readonly drops = new Map<StunDrop, number>();
  private readonly sources: RateLimit;
  private readonly whole: RateLimit;

  constructor(private readonly ports: StunPorts) {
    this.sources = new RateLimit(ports.clock, SOURCE_RATE);
    this.whole = new RateLimit(ports.clock, WHOLE_RATE);
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    const { transmit, transmitFromOtherPort } = this.ports;
    const request = readBindingRequest(datagram);
    if (!request) return this.drop('not a binding request');
    const answer = writeBindingResponse({ transaction: request.transaction, mapped: from });
    if (answer.length > datagram.length) return this.drop('shorter than its answer');
    const send = request.changePort ? transmitFromOtherPort : transmit;
    if (!send) return this.drop('no other port');
    if (request.answerTo !== undefined && request.answerTo < LEAST_PORT) return this.drop('a port of the system');
    if (!this.sources.take(sourceOf(from))) return this.drop('source asks too often');
    if (!this.whole.take('all')) return this.drop('too many ask');
    this.answered += 1;
    send(answer, request.answerTo === undefined ? from : { ...from, port: request.answerTo });
  }

  private drop(reason: StunDrop): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

/** Whoever has one IPv6 address has the other ones of its /64, too. */
function sourceOf({ address }: Endpoint): string {
  if (!address.includes(':')) return address;
  return parseIp(address)?.subarray(0, IPV6_NETWORK_LENGTH).join('.') ?? address;
}
