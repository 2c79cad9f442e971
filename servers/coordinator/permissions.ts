/**
 * What nodes may reach at the nodes of this DC, by its policy; without one, everything. Each node is told with a
 * direction what its correspondent may reach at it, and enforces that itself. What it was told is remembered, so that a
 * change of the policy reaches those that have tunnels already.
 */
import type { Clock } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import type { Body } from '../../core/wire/messages';
import type { Signalling } from '../../core/wire/signalling';
import { BoundedMap } from '../bounded-map';
import { labelsBelow } from '../names';
import type { Acquaintances } from './acquaintances';
import type { Policy } from './policy';
import type { Registered, Registrations } from './registrations';

/** Beyond these, the pair longest unused learns of a change with its next direction. */
const PAIRS_LIMIT = 65_536;
/** Nodes that are told of a change at the same time. */
const TELLING_LIMIT = 64;

type Permits = readonly string[] | undefined;

/** `from` has been introduced to `to`, a node of this DC. */
interface Pair {
  readonly to: string;
  readonly from: string;
  readonly fromZone: string;
  readonly permits: Permits;
}

export interface PermissionsOptions {
  readonly zone: string;
  readonly signalling: Signalling<Endpoint>;
  readonly registrations: Registrations;
  readonly clock: Clock;
  readonly acquaintances: Acquaintances;
}

export class Permissions {
  private policy: Policy | undefined;
  private readonly told: BoundedMap<string, Pair>;
  /** By node and correspondent: who has to be told of a change. */
  private readonly due = new Map<string, Map<string, Pair>>();
  /** Nodes with something due that were not looked at since the change. */
  private queue: string[] = [];
  private telling = 0;

  constructor(private readonly options: PermissionsOptions) {
    this.told = new BoundedMap(options.clock, PAIRS_LIMIT);
  }

  /** What `from`, of the zone `fromZone`, may reach at `to`; undefined: everything. */
  of(to: string, from: string, fromZone: string): Permits {
    const { zone } = this.options;
    return this.policy?.permits(from, to, (name) => name === zone || name === fromZone);
  }

  /** The same, for a direction to `to` that carries it. */
  tell(to: string, from: string, fromZone: string): Permits {
    const permits = this.of(to, from, fromZone);
    this.options.acquaintances.met(to, from);
    this.told.set(`${to} ${from}`, { to, from, fromZone, permits });
    this.due.get(to)?.delete(from);
    return permits;
  }

  /** From now on this policy; undefined: everybody may reach everybody. */
  change(policy: Policy | undefined): void {
    this.policy = policy;
    for (const pair of [...this.told.values()]) {
      const permits = this.of(pair.to, pair.from, pair.fromZone);
      if (pair.permits?.join() !== permits?.join()) this.owe({ ...pair, permits });
    }
    this.queue = [...this.due.keys()];
    this.tellNext();
  }

  /** A node was heard: perhaps it was away when something changed. */
  heard(fqdn: string): void {
    if (this.due.size > 0) this.tellNode(fqdn);
  }

  private owe(pair: Pair): void {
    const { to, from } = pair;
    this.told.set(`${to} ${from}`, pair);
    if (!this.due.has(to)) this.due.set(to, new Map());
    this.due.get(to)!.set(from, pair);
  }

  private tellNext(): void {
    while (this.telling < TELLING_LIMIT) {
      const fqdn = this.queue.pop();
      if (fqdn === undefined) return;
      this.tellNode(fqdn);
    }
  }

  private tellNode(fqdn: string): void {
    const pairs = this.due.get(fqdn);
    const node = pairs && this.options.registrations.registered(fqdn);
    if (!pairs || !node) return; // it is told when it registers
    this.due.delete(fqdn);
    for (const pair of pairs.values()) this.tellOne(node, pair);
  }

  private tellOne({ session, registration }: Registered, pair: Pair): void {
    this.telling++;
    this.options.signalling
      .request(session.peer, registration.observed, { name: 'policyDirection', body: this.bodyOf(pair) })
      .catch(() => {
        // Told again when the node is heard, unless something newer is known of the two.
        if (this.told.get(`${pair.to} ${pair.from}`) === pair) this.owe(pair);
      })
      .finally(() => {
        this.telling--;
        this.tellNext();
      });
  }

  /** Whether MN may be reached from here as well, only its own DC knows: a tunnel between zones is never ended. */
  private bodyOf({ to, from, permits }: Pair): Body<'policyDirection'> {
    const { zone } = this.options;
    const isOwn = labelsBelow(zone, from) !== undefined;
    const ended = permits?.length === 0 && isOwn && this.of(from, to, zone)?.length === 0;
    return { fqdn: from, ended, ...(permits && { permits: [...permits] }) };
  }
}
