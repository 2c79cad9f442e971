/**
 * How a registered node stays within reach of its DC (paper 2.3). By the NS, which wakes it over a kept TCP
 * connection, and then keep alives to the DC are rare; or by keep alives that hold the NAT's UDP mapping open.
 *
 *   awake -- connected to the NS, and the DC offers it --> resting
 *     ^                                                      |
 *     '-- connection lost, registered without NS ------------'   registers at the DC within a second, too
 *
 * While resting nothing would tell for minutes that the host has slept, and its NAT forgotten it: so that is looked for.
 */
import type { Runtime, Timer } from '../runtime';
import type { Trace } from '../trace';
import { formatEndpoint, type Endpoint } from '../wire/addresses';
import { hex } from '../wire/keys';
import { mayReach } from '../reach/ip-versions';
import { NotificationClient, type PushAddress } from './notification-client';
import type { Registered, Registration } from './registration';

/** In 1,750 ms, when there is a reason to doubt that the DC is there. */
const REFRESH_TRIES = 3;
/** The NS is gone, or there was none: the DC is asked this much later, at most. */
const REFRESH_MS = { lost: 500, none: 180_000 };
/** Each tunnel of an interface that falls silent may wake: what is asked needs the time for its answer. */
const WAKE_INTERVAL_MS = 1_000;
const WATCH_MS = 5_000;
/** The wall clock went on by so much more than the monotonic one, which stands still while a host sleeps. */
const SLEPT_MS = 15_000;

export interface NotificationKeeperOptions {
  readonly runtime: Runtime;
  readonly trace: Trace;
  readonly part: string;
  sourceFor?(server: Endpoint): string | undefined;
  hasAnotherWay?(): boolean;
  onNotification(notificationId: Uint8Array, handover: boolean): void;
  onPushRefused(why: 'dead' | 'unsupported'): void;
}

export class NotificationKeeper {
  private push: PushAddress | undefined;
  private registration: Registration | undefined;
  private client: NotificationClient | undefined;
  private servedBy: string | undefined;
  private refreshTimer: Timer | undefined;
  private watchTimer: Timer | undefined;
  private wakeTimer: Timer | undefined;
  private wokenMs = -Infinity;
  private closed = false;

  constructor(private readonly options: NotificationKeeperOptions) {}

  setPush(push: PushAddress | undefined): void {
    this.push = push;
    this.client?.pushChanged();
  }

  registered(registration: Registration, answer: Registered, handover: boolean): void {
    this.registration = registration;
    this.watchTimer?.cancel();
    this.watch(this.sleptMs());
    this.follow(answer, handover);
  }

  /** The connection to the NS is kept: the next registration may be served by the same. */
  unregistered(): void {
    this.registration = undefined;
    this.refreshTimer?.cancel();
    this.watchTimer?.cancel();
  }

  /** The host has another network: its connection is from an address that is gone. */
  hostMoved(): void {
    this.client?.close();
    this.client = undefined;
    this.wakeTimer?.cancel();
    this.wakeTimer = undefined;
    this.rest();
  }

  /** Something tells that the host was asleep: everything is made sure of now, or a second after the last time. */
  wake(): void {
    const { clock, timers } = this.options.runtime;
    const delayMs = this.wokenMs + WAKE_INTERVAL_MS - clock.now();
    if (delayMs <= 0) return this.makeSure();
    this.wakeTimer ??= timers.schedule(delayMs, () => this.makeSure());
  }

  /** Registers once more, and follows what the answer says of the NS. */
  async refresh(): Promise<void> {
    const { registration } = this;
    const registered = await registration?.refresh(REFRESH_TRIES);
    if (registered && registration === this.registration && !this.closed) this.follow(registered);
  }

  close(): void {
    this.closed = true;
    this.unregistered();
    this.wakeTimer?.cancel();
    this.client?.close();
  }

  private makeSure(): void {
    this.wakeTimer?.cancel();
    this.wakeTimer = undefined;
    this.wokenMs = this.options.runtime.clock.now();
    this.client?.check();
    this.rest();
    if (this.registration) this.refreshWithin(0);
  }

  /** A client of the same NS with the same key goes on with its connection. */
  private follow({ notification }: Registered, handover = false): void {
    const { runtime } = this.options;
    const endpoint = notification?.endpoints.find((each) => mayReach(each, runtime)) ?? notification?.endpoints[0];
    if (!notification || !endpoint) {
      this.rest();
      return this.refreshWithin(REFRESH_MS.none);
    }
    const { key } = notification;
    const servedBy = `${formatEndpoint(endpoint)} ${hex(key)}`;
    if (!this.client || this.servedBy !== servedBy) {
      this.client?.close();
      this.servedBy = servedBy;
      const { trace, part, onNotification, onPushRefused } = this.options;
      const { clock, timers, random } = runtime;
      this.client = new NotificationClient({
        ...{ clock, timers, random, trace, part, endpoint, key, onNotification, onPushRefused, handover },
        push: () => this.push,
        hasAnotherWay: () => this.options.hasAnotherWay?.() ?? false,
        openStreamPort: (to, events) =>
          runtime.openStreamPort(to, { ...events, localAddress: this.options.sourceFor?.(to) }),
        onConnected: () => this.rest(),
        onLost: () => {
          this.rest();
          this.refreshWithin(REFRESH_MS.lost);
        },
        onRenewal: (withinMs) => this.refreshWithin(withinMs),
      });
    }
    this.rest();
  }

  private rest(): void {
    this.registration?.rest(this.client?.isConnected ?? false);
  }

  /** At a moment that is not the same for all nodes. */
  private refreshWithin(delayMs: number): void {
    const { timers, random } = this.options.runtime;
    const [byte = 0] = random.bytes(1);
    this.refreshTimer?.cancel();
    this.refreshTimer = timers.schedule(delayMs * (0.5 + byte / 512), () => void this.refresh());
  }

  private watch(beforeMs: number): void {
    this.watchTimer = this.options.runtime.timers.schedule(WATCH_MS, () => {
      const nowMs = this.sleptMs();
      if (nowMs - beforeMs > SLEPT_MS) this.wake();
      this.watch(nowMs);
    });
  }

  private sleptMs(): number {
    const { clock } = this.options.runtime;
    return clock.wallTimeMs() - clock.now();
  }
}
