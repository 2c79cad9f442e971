/**
 * The handover module (paper 3.3): notices that this host has changed its network, and has the registration and then
 * the tunnels made anew (Figure 7). Names, virtual addresses and connections stay as they are.
 *
 *   settled --- other addresses than before (step 1) ---> settling
 *   settling -- none other for SETTLE_MS, and one at all -> registering (step 2)
 *   registering -- the DC knows where this node is (6) ---> settled, and the tunnels are directed anew (11)
 *   registering -- other addresses ----------------------> settling
 *
 * Retrying until registered is the matter of the registration's owner, which does that anyway. A network that goes and
 * comes back with the same address may be another one behind another NAT: that is a handover, too.
 *
 * Node has no netlink socket, so the addresses are looked at again and again; a datagram that cannot be sent is a
 * reason to look at once. The node's sockets are bound to the wildcard address: they send from whatever is there.
 */
import type { HostAddress, Timer, Timers } from '../runtime';
import type { Trace } from '../trace';

const WATCH_MS = 500;
/** Addresses, routes and IP versions of a new network come one after the other. */
const SETTLE_MS = 100;
/** Where nothing can be sent, many datagrams are not. */
const SUSPECT_MS = 20;

type State = 'settled' | 'settling' | 'registering';

export interface HandoverOptions {
  readonly timers: Timers;
  readonly trace: Trace;
  readonly part: string;
  hostAddresses(): HostAddress[];
  /**
   * Shall call `registered` when the DC knows where this node is now, however long that takes. `why`: the host has
   * another network, or another way to its servers in the one that it had.
   */
  register(why: 'network' | 'way'): void;
  /** Constructs the tunnels that are in use anew. */
  direct(): void;
}

export class Handover {
  private state: State = 'settled';
  private seen = '';
  private suspected = false;
  private timer: Timer | undefined;

  constructor(private readonly options: HandoverOptions) {}

  /** Watches from now on. */
  start(): void {
    this.seen = this.addresses();
    this.watch(WATCH_MS);
  }

  /** Something could not be sent: has the network changed? */
  suspect(): void {
    if (!this.timer || this.suspected || this.state === 'settling') return;
    this.suspected = true;
    this.watch(SUSPECT_MS);
  }

  /** Servers are reached by another way than before, and know this node from elsewhere. */
  wayChanged(): void {
    if (this.timer && this.state === 'settled') this.begin('way');
  }

  /** The DC knows where this node is. */
  registered(): void {
    if (this.state !== 'registering') return;
    this.state = 'settled';
    this.options.direct();
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private look(): void {
    this.suspected = false;
    const now = this.addresses();
    if (now !== this.seen) this.changed(now);
    else if (this.state === 'settling' && now !== '') return this.begin('network');
    this.watch(this.state === 'settling' ? SETTLE_MS : WATCH_MS);
  }

  private changed(now: string): void {
    const { trace, part } = this.options;
    this.seen = now;
    this.state = 'settling';
    trace({ part, event: 'addresses changed', figure: 7, step: 1, addresses: now });
  }

  private watch(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.options.timers.schedule(delayMs, () => this.look());
  }

  private begin(why: 'network' | 'way'): void {
    const { trace, part, register } = this.options;
    this.state = 'registering';
    trace({ part, event: 'handover', figure: 7, step: 2 });
    this.watch(WATCH_MS);
    register(why);
  }

  /** Empty when there is no network. */
  private addresses(): string {
    const real = this.options.hostAddresses().filter(({ loopback }) => !loopback);
    return real
      .map(({ interfaceName, address }) => `${interfaceName} ${address}`)
      .sort()
      .join(', ');
  }
}
