/**
 * Which nodes of this DC were introduced to whom, for the day that one of them is revoked: they are told to end the
 * tunnel. Bounded, and in memory only; what is forgotten here nodes find out by their Tunnel Checks.
 */
import type { Clock } from '../../core/runtime';
import { BoundedMap } from '../bounded-map';
import { isBelow } from '../names';

/** Some 250 bytes each. */
const PAIRS_LIMIT = 262_144;

interface Pair {
  readonly about: string;
  readonly node: string;
}

export class Acquaintances {
  private readonly pairs: BoundedMap<string, Pair>;
  /** Nodes of this DC, by the name that they were introduced to. */
  private readonly nodes = new Map<string, Set<string>>();

  constructor(clock: Clock) {
    this.pairs = new BoundedMap(clock, PAIRS_LIMIT, Infinity, (pair) => this.forgotten(pair));
  }

  /** `node`, of this DC, has been introduced to `about`. */
  met(node: string, about: string): void {
    this.pairs.set(`${about} ${node}`, { about, node });
    const nodes = this.nodes.get(about);
    if (nodes) nodes.add(node);
    else this.nodes.set(about, new Set([node]));
  }

  /** Forgets those who have met this name, or one below it, and gives them back. */
  take(fqdn: string, below: boolean): Pair[] {
    const names = below ? [...this.nodes.keys()].filter((name) => name === fqdn || isBelow(fqdn, name)) : [fqdn];
    const pairs = names.flatMap((about) => [...(this.nodes.get(about) ?? [])].map((node) => ({ about, node })));
    for (const { about, node } of pairs) this.pairs.delete(`${about} ${node}`);
    return pairs;
  }

  private forgotten({ about, node }: Pair): void {
    const nodes = this.nodes.get(about);
    nodes?.delete(node);
    if (nodes?.size === 0) this.nodes.delete(about);
  }
}
