/**
 * The handover module (paper 3.3, Figure 7 steps 1 and 2): notices that the host has changed its network, and sets in
 * motion what follows.
 *
 *   settled -- the network is another one --> notify, at once; settling -- quiet for a moment --> register and direct;
 *      ^                                                                                          registering
 *      '------------------------- registered: direct the rest --------------------------------------'
 *
 * What has changed is told by the system's events, where it has any; without them the host is looked at twice a second.
 * A datagram that cannot be sent is a reason to look, and so is a clock that has jumped: the host was asleep. An address
 * that was away for a moment and came back with the same value may be another one behind another NAT, and a default
 * route that leads elsewhere is another network under the same addresses: these are handovers, too. The node's sockets
 * are bound to the wildcard address: they send from whatever is there.
 *
 * Changes that follow each other are one handover. Each is notified at once, which costs a packet for each tunnel; the
 * registration waits until all is quiet, and of a link that flaps the DC hears twice a second.
 */
import type { Clock, HostAddress, NetworkChange, NetworkWatch, Timer, Timers } from '../runtime';
import type { Trace } from '../trace';
import { Allowance } from './allowance';
import { HandoverReports, type Handover as Report, type HandoverReason } from './handover-reports';
import { Slumber } from './slumber';

/** Without events, and with them, in case that one is missed. */
const WATCH_MS = { alone: 500, withEvents: 5_000 };
/** Addresses, routes and IP versions of a new network come one after the other, ... */
const SETTLE_MS = 10;
/** ... but there is an end to it. */
const SETTLE_LIMIT_MS = 100;
/** Where nothing can be sent, many datagrams are not. */
const SUSPECT_MS = 20;
/** Notices and registrations at once, and how soon after each another one may follow. */
const NOTICES = { burst: 20, everyMs: 50 };
const REGISTRATIONS = { burst: 10, everyMs: 500 };

type State = 'settled' | 'settling' | 'registering';

export interface HandoverOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly trace: Trace;
  readonly part: string;
  hostAddresses(): HostAddress[];
  /** The host's default routes; not there where they cannot be known. */
  defaultRoutes?(): string;
  /** From where this host would send now. */
  sourceAddresses?(): Promise<string>;
  watch?(onChange: (change: NetworkChange) => void, onState: (isWatching: boolean) => void): NetworkWatch | undefined;
  /**
   * Tells correspondents and relay servers that this node is elsewhere, without waiting for anything. `why`: the host
   * has another network, or another way to its servers in the one that it had. `oldDelivers`: the addresses that it sent
   * from are still there, and what is under way to them arrives. Returns how many tunnels there are.
   */
  notify(why: 'network' | 'way', oldDelivers: boolean): number;
  /** Shall call `registered` when the DC knows where this node is now, however long that takes. */
  register(): void;
  /** Constructs the tunnels that are in use anew; right after the request to register, which the DC then has before. */
  direct(): void;
  /** Once it is registered: those of which the DC could not be asked before. */
  directRest(): void;
  onHandover(handover: Report): void;
}

export class Handover {
  private state: State = 'settled';
  private addresses = '';
  private routes = '';
  private sources = '';
  private suspected = false;
  private isWatching = false;
  private isToldOf = false;
  /** Correspondents were told too often to hear of the last change, too, at once. */
  private isUntold = false;
  private readonly lost = new Set<string | undefined>();
  private watching: NetworkWatch | undefined;
  private timer: Timer | undefined;
  private settling: Timer | undefined;
  private settlesByMs = 0;
  private closed = false;
  private readonly slumber: Slumber;
  private readonly notices: Allowance;
  private readonly registrations: Allowance;
  private readonly reports: HandoverReports;

  constructor(private readonly options: HandoverOptions) {
    const { clock, timers, onHandover } = options;
    this.slumber = new Slumber(clock);
    this.notices = new Allowance(clock, NOTICES);
    this.registrations = new Allowance(clock, REGISTRATIONS);
    this.reports = new HandoverReports({ clock, timers, onHandover });
  }

  /** Watches from now on. */
  start(): void {
    this.addresses = this.addressesNow();
    this.routes = this.routesNow();
    void this.lookAtSources(true);
    this.slumber.isOver();
    this.watch();
    this.watching = this.options.watch?.(
      (change) => this.told(change),
      (isWatching) => {
        this.isWatching = isWatching;
        if (this.timer) this.look();
      },
    );
  }

  /** Something could not be sent: has the network changed? */
  suspect(): void {
    if (!this.timer || this.suspected) return;
    this.suspected = true;
    this.watch(SUSPECT_MS);
  }

  /** Servers are reached by another way than before, and know this node from elsewhere. */
  wayChanged(): void {
    if (!this.timer || this.state !== 'settled') return;
    this.reports.begin('way', this.addresses);
    this.reports.notified(this.options.notify('way', false));
    this.begin();
  }

  /** This node has another socket than before, and is at another port. */
  rebound(): void {
    if (this.timer) this.changed('addresses', false);
  }

  /** The DC knows where this node is. */
  registered(): void {
    if (this.state !== 'registering') return;
    this.state = 'settled';
    this.reports.registered();
    this.options.directRest();
  }

  /** A correspondent node has heard from where this node is now. */
  confirmed(): void {
    this.reports.confirmed();
  }

  close(): void {
    this.closed = true;
    this.watching?.close();
    this.reports.close();
    for (const timer of [this.timer, this.settling]) timer?.cancel();
    this.timer = this.settling = undefined;
  }

  /** Events come several at once: they are looked into together, in this very turn of the event loop. */
  private told(change: NetworkChange): void {
    if (this.closed) return;
    if (change.kind === 'lost') this.lost.add(change.interfaceName);
    if (!this.isToldOf) this.options.timers.soon(() => this.look());
    this.isToldOf = true;
  }

  private look(): void {
    if (this.closed) return;
    this.suspected = this.isToldOf = false;
    const wasLost = [...this.lost].some((name) => this.isUsed(name));
    this.lost.clear();
    const { routes } = this;
    const reason = this.whatChanged(wasLost);
    const isSameWay = reason === 'addresses' && !wasLost && routes === this.routes;
    if (reason) this.changed(reason, isSameWay && this.hasSources());
    void this.lookAtSources(reason !== undefined);
    this.watch();
  }

  private whatChanged(wasLost: boolean): HandoverReason | undefined {
    const hasSlept = this.slumber.isOver();
    const [addresses, routes] = [this.addressesNow(), this.routesNow()];
    const haveAddressesChanged = addresses !== this.addresses;
    const haveRoutesChanged = routes !== this.routes;
    this.reports.seen(this.addresses, addresses);
    this.addresses = addresses;
    this.routes = routes;
    if (haveAddressesChanged || wasLost) return 'addresses';
    if (haveRoutesChanged) return 'routes';
    return hasSlept ? 'sleep' : undefined;
  }

  private isUsed(interfaceName: string | undefined): boolean {
    return interfaceName === undefined || `, ${this.addresses}`.includes(`, ${interfaceName} `);
  }

  /** Rules and tables beside the main one, and IPv6 addresses that were not to be used yet, show by what they do. */
  private async lookAtSources(isKnown: boolean): Promise<void> {
    const before = this.sources;
    const sources = (await this.options.sourceAddresses?.()) ?? '';
    if (this.closed || sources === this.sources || before !== this.sources) return;
    this.sources = sources;
    if (!isKnown) this.changed('routes', this.hasSources(before));
  }

  /** Whether the addresses that this host sent from are still there. */
  private hasSources(sources = this.sources): boolean {
    const addresses = this.addresses.split(/, | /);
    const used = sources.split(', ').filter((address) => address !== '');
    return used.length > 0 && used.every((address) => addresses.includes(address));
  }

  private changed(reason: HandoverReason, oldDelivers: boolean): void {
    const { clock, trace, part, notify } = this.options;
    const { addresses } = this;
    const event = reason === 'sleep' ? 'host slept' : `${reason} changed`;
    trace({ part, event, figure: 7, step: 1, addresses });
    this.reports.begin(reason, addresses);
    this.state = 'settling';
    const nowMs = clock.now();
    if (!this.settling) this.settlesByMs = nowMs + SETTLE_LIMIT_MS;
    this.settling?.cancel();
    this.settling = undefined;
    if (addresses === '') return; // there is no network to hand over to
    this.isUntold = !this.notices.take();
    if (!this.isUntold) this.reports.notified(notify('network', oldDelivers));
    this.settle(Math.max(0, Math.min(SETTLE_MS, this.settlesByMs - nowMs)));
  }

  private settle(delayMs: number): void {
    this.settling = this.options.timers.schedule(delayMs, () => {
      this.settling = undefined;
      if (this.registrations.take()) this.begin();
      else this.settle(this.registrations.delayMs);
    });
  }

  private begin(): void {
    const { trace, part, register, direct, notify } = this.options;
    this.state = 'registering';
    if (this.isUntold) this.reports.notified(notify('network', false));
    this.isUntold = false;
    trace({ part, event: 'handover', figure: 7, step: 2 });
    register();
    direct();
  }

  private watch(delayMs = this.isWatching ? WATCH_MS.withEvents : WATCH_MS.alone): void {
    this.timer?.cancel();
    this.timer = this.options.timers.schedule(delayMs, () => this.look());
  }

  private routesNow(): string {
    return this.options.defaultRoutes?.() ?? '';
  }

  /** Empty when there is no network. */
  private addressesNow(): string {
    const real = this.options.hostAddresses().filter(({ loopback }) => !loopback);
    return real
      .map(({ interfaceName, address }) => `${interfaceName} ${address}`)
      .sort()
      .join(', ');
  }
}
