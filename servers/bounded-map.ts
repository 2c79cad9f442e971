/**
 * A map that forgets: what is older than `maxAgeMs` is gone, and beyond `limit` the least recently used goes first.
 *
 * The order is a list of its own. In the order of a Map, which skips what was deleted, finding the oldest of 65,536
 * takes 30 µs.
 */
import type { Clock } from '../core/runtime';

interface Entry<K, V> {
  readonly key: K;
  value: V;
  setMs: number;
  older: Entry<K, V> | undefined;
  newer: Entry<K, V> | undefined;
}

export class BoundedMap<K, V> {
  private readonly entries = new Map<K, Entry<K, V>>();
  private oldest: Entry<K, V> | undefined;
  private newest: Entry<K, V> | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly limit: number,
    private readonly maxAgeMs = Infinity,
    private readonly onEvict: (value: V) => void = () => {},
  ) {}

  get(key: K): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (this.maxAgeMs !== Infinity && this.clock.now() - entry.setMs > this.maxAgeMs) {
      this.delete(key);
      return undefined;
    }
    this.use(entry);
    return entry.value;
  }

  /** Does not call `onEvict` for a value it replaces. */
  set(key: K, value: V): void {
    const setMs = this.clock.now();
    const known = this.entries.get(key);
    if (known) {
      known.value = value;
      known.setMs = setMs;
      return this.use(known);
    }
    const entry = { key, value, setMs, older: undefined, newer: undefined };
    this.entries.set(key, entry);
    this.append(entry);
    while (this.entries.size > this.limit) this.delete(this.oldest!.key);
  }

  /** Calls `onEvict`. */
  delete(key: K): void {
    const entry = this.remove(key);
    if (entry) this.onEvict(entry.value);
  }

  /** Removes the value without `onEvict`. */
  take(key: K): V | undefined {
    return this.remove(key)?.value;
  }

  /** Calls `onEvict` for every value. */
  clear(): void {
    for (const key of [...this.entries.keys()]) this.delete(key);
  }

  /** The least recently used first. */
  *values(): Iterable<V> {
    for (let entry = this.oldest; entry; entry = entry.newer) yield entry.value;
  }

  get size(): number {
    return this.entries.size;
  }

  private use(entry: Entry<K, V>): void {
    if (entry === this.newest) return;
    this.unlink(entry);
    this.append(entry);
  }

  private remove(key: K): Entry<K, V> | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    this.unlink(entry);
    return entry;
  }

  private append(entry: Entry<K, V>): void {
    entry.older = this.newest;
    entry.newer = undefined;
    if (this.newest) this.newest.newer = entry;
    else this.oldest = entry;
    this.newest = entry;
  }

  private unlink({ older, newer }: Entry<K, V>): void {
    if (older) older.newer = newer;
    else this.oldest = newer;
    if (newer) newer.older = older;
    else this.newest = older;
  }
}
