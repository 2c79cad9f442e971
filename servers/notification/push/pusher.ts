/**
 * Push messages that wake nodes up (paper 2.3): which are sent when, how often they are tried, and what becomes of them.
 * The push services themselves are in apns.ts, fcm.ts and web-push.ts.
 *
 *   asked for --> queued --> sent --> accepted
 *       |            ^        |-----> retry: after a while, for as long as somebody may still wait
 *       |            '--------'-----> dead, refused, given up: whoever waits is told
 *       '-- one was sent to this node a moment ago: the same will do
 */
import type { Clock, Random, Timer, Timers } from '../../../core/runtime';
import type { Body } from '../../../core/wire/messages';
import { BoundedMap } from '../../bounded-map';

/** Wake-ups of one node within this time are one push message. Devices are allowed few of them. */
const COLLAPSE_MS = 30_000;
/** Nobody waits longer for a node: MN gives up after 30 s. */
export const WORTH_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const AT_ONCE_LIMIT = 64;
const QUEUE_LIMIT = 10_000;

export type PushAddress = NonNullable<Body<'notificationRegistration'>['push']>;
export type PushKind = PushAddress['kind'];

/** What a push service made of a message. `reason` is for people, and holds no token and no key. */
export type PushOutcome =
  | { readonly kind: 'accepted' }
  /** The service does not know the device, or not as one that we may push to. */
  | { readonly kind: 'dead'; readonly reason: string }
  /** `afterMs`: the service's own wish, of all messages to it. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number | undefined }
  /** It would be refused again: credentials or settings are wrong. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface PushService {
  /** Sends one message, once. Never rejects. */
  send(token: string): Promise<PushOutcome>;
  close(): void;
}

export type PushServices = Partial<Readonly<Record<PushKind, PushService>>>;

export interface PusherEvents {
  /** The address is worth nothing any more. */
  dead(fqdn: string, address: PushAddress): void;
  /** Nobody needs to wait for this node. */
  failed(fqdn: string, reason: string): void;
}

interface Push {
  readonly fqdn: string;
  readonly address: PushAddress;
  readonly untilMs: number;
  tries: number;
  cancelled: boolean;
}

export class Pusher {
  /** Messages by service and what became of them. */
  readonly counts = new Map<`${PushKind} ${PushOutcome['kind'] | 'collapsed' | 'given up' | 'not queued'}`, number>();
  private readonly recent: BoundedMap<string, Push>;
  private readonly queue: Push[] = [];
  private readonly retries = new Set<Timer>();
  private readonly pausedUntilMs = new Map<PushKind, number>();
  private sending = 0;
  private closed = false;

  constructor(
    private readonly ports: { readonly clock: Clock; readonly timers: Timers; readonly random: Random },
    private readonly services: PushServices,
    private readonly events: PusherEvents,
  ) {
    this.recent = new BoundedMap(ports.clock, QUEUE_LIMIT, COLLAPSE_MS);
  }

  supports(kind: PushKind): boolean {
    return this.services[kind] !== undefined;
  }

  get queued(): number {
    return this.queue.length + this.retries.size;
  }

  /** Sends one soon, unless one is on its way. False: there are too many already. */
  push(fqdn: string, address: PushAddress): boolean {
    if (this.recent.get(fqdn)) {
      this.count(address.kind, 'collapsed');
      return true;
    }
    if (this.queued >= QUEUE_LIMIT) {
      this.count(address.kind, 'not queued');
      return false;
    }
    const push = { fqdn, address, untilMs: this.ports.clock.now() + WORTH_MS, tries: 0, cancelled: false };
    this.recent.set(fqdn, push);
    this.queue.push(push);
    this.sendNext();
    return true;
  }

  /** The node is there, or will not be pushed to: what waits is not sent. */
  forget(fqdn: string): void {
    const push = this.recent.get(fqdn);
    if (push) push.cancelled = true;
    this.recent.delete(fqdn);
  }

  close(): void {
    this.closed = true;
    this.queue.length = 0;
    for (const timer of this.retries) timer.cancel();
    for (const service of Object.values(this.services)) service.close();
  }

  private sendNext(): void {
    while (this.sending < AT_ONCE_LIMIT) {
      const push = this.queue.shift();
      if (!push) return;
      if (push.cancelled) continue;
      const pauseMs = (this.pausedUntilMs.get(push.address.kind) ?? 0) - this.ports.clock.now();
      if (pauseMs > 0) this.later(push, pauseMs, 'the push service asked for a pause');
      else void this.send(push);
    }
  }

  private async send(push: Push): Promise<void> {
    const { kind, token } = push.address;
    this.sending++;
    push.tries++;
    const outcome = await this.services[kind]!.send(token);
    this.sending--;
    if (this.closed) return;
    this.count(kind, outcome.kind);
    this.settle(push, outcome);
    this.sendNext();
  }

  private settle(push: Push, outcome: PushOutcome): void {
    switch (outcome.kind) {
      case 'accepted':
        return;
      case 'retry': {
        const { afterMs, reason } = outcome;
        if (afterMs !== undefined) this.pausedUntilMs.set(push.address.kind, this.ports.clock.now() + afterMs);
        return this.later(push, Math.max(afterMs ?? 0, this.backoffMs(push.tries)), reason);
      }
      case 'dead':
        this.events.dead(push.fqdn, push.address);
        return this.fail(push, outcome.reason);
      case 'refused':
        return this.fail(push, outcome.reason);
    }
  }

  private later(push: Push, delayMs: number, reason: string): void {
    if (push.cancelled) return;
    if (this.ports.clock.now() + delayMs > push.untilMs) {
      this.count(push.address.kind, 'given up');
      return this.fail(push, reason);
    }
    const timer = this.ports.timers.schedule(delayMs, () => {
      this.retries.delete(timer);
      this.queue.push(push);
      this.sendNext();
    });
    this.retries.add(timer);
  }

  private fail(push: Push, reason: string): void {
    if (push.cancelled) return;
    this.forget(push.fqdn);
    this.events.failed(push.fqdn, reason);
  }

  /** Doubles with each try; by chance up to twice of that, so that not all come back in one moment. */
  private backoffMs(tries: number): number {
    const [byte = 0] = this.ports.random.bytes(1);
    return FIRST_RETRY_MS * 2 ** (tries - 1) * (1 + byte / 256);
  }

  private count(kind: PushKind, what: PushOutcome['kind'] | 'collapsed' | 'given up' | 'not queued'): void {
    const name = `${kind} ${what}` as const;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}
