/** A map that forgets: what is older than `maxAgeMs` is gone, and beyond `limit` the least recently used goes first. */
import type { Clock } from '../core/runtime';

interface Entry<V> {
  readonly value: V;
  readonly setMs: number;
}

export class BoundedMap<K, V> {
  private readonly entries = new Map<K, Entry<V>>();

  constructor(
    private readonly clock: Clock,
    private readonly limit: number,
    private readonly maxAgeMs = Infinity,
    private readonly onEvict: (value: V) => void = () => {},
  ) {}

  get(key: K): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (this.clock.now() - entry.setMs > this.maxAgeMs) {
      this.delete(key);
      return undefined;
    }
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** Does not call `onEvict` for a value it replaces. */
  set(key: K, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, { value, setMs: this.clock.now() });
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.limit) break;
      this.delete(oldest);
    }
  }

  /** Calls `onEvict`. */
  delete(key: K): void {
    const entry = this.entries.get(key);
    this.entries.delete(key);
    if (entry) this.onEvict(entry.value);
  }

  /** Removes the value without `onEvict`. */
  take(key: K): V | undefined {
    const entry = this.entries.get(key);
    this.entries.delete(key);
    return entry?.value;
  }

  /** Calls `onEvict` for every value. */
  clear(): void {
    for (const key of [...this.entries.keys()]) this.delete(key);
  }

  *values(): Iterable<V> {
    for (const { value } of this.entries.values()) yield value;
  }

  get size(): number {
    return this.entries.size;
  }
}
