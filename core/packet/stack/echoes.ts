/** Echo requests of a stack that wait for their replies ("ping"). */
import type { Clock, Random, Timer, Timers } from '../../runtime';
import { parseIp } from '../../wire/ip-text';
import { echoRequest, type EchoReply } from './icmp';
import type { OwnAddresses } from './netif';
import { stackError } from './tcp';

const TIMEOUT_MS = 5_000;
/** Requests that wait at a time. */
const LIMIT = 1_024;

interface Waiting {
  readonly address: string;
  readonly sentMs: number;
  readonly timer: Timer;
  settle(roundTripMs: number | undefined): void;
}

export class Echoes {
  private readonly waiting = new Map<number, Waiting>();
  private readonly id: number;
  private sequence = 0;

  constructor(
    private readonly options: { readonly clock: Clock; readonly timers: Timers; readonly random: Random },
    private readonly output: (packet: Uint8Array) => void,
  ) {
    const [high = 0, low = 0] = options.random.bytes(2);
    this.id = (high << 8) | low;
  }

  /** The round trip in milliseconds, undefined when nothing came back in time. Throws StackError. */
  ping(own: OwnAddresses | undefined, address: string, length: number): Promise<number | undefined> {
    const to = parseIp(address);
    if (!to || !(length >= 0 && length <= 1_024)) throw stackError('EINVAL', 'not an address, or too long a request');
    if (!own) throw stackError('EADDRNOTAVAIL', 'this node has no virtual address yet');
    if (this.waiting.size >= LIMIT) throw stackError('ENOMEM', 'too many echo requests wait for replies');
    const { clock, timers } = this.options;
    this.sequence = (this.sequence + 1) & 0xffff;
    const { sequence, id } = this;
    return new Promise((resolve) => {
      const settle = (roundTripMs: number | undefined): void => {
        this.waiting.delete(sequence);
        resolve(roundTripMs);
      };
      const timer = timers.schedule(TIMEOUT_MS, () => settle(undefined));
      this.waiting.set(sequence, { address, sentMs: clock.now(), timer, settle });
      this.output(echoRequest(to.length === 4 ? own.ipv4 : own.ipv6, to, { id, sequence, length }));
    });
  }

  replied({ from, id, sequence }: EchoReply): void {
    const request = this.waiting.get(sequence);
    if (id !== this.id || !request || request.address !== from) return;
    request.timer.cancel();
    request.settle(this.options.clock.now() - request.sentMs);
  }

  close(): void {
    for (const { timer, settle } of [...this.waiting.values()]) {
      timer.cancel();
      settle(undefined);
    }
  }
}
