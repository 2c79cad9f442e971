/** Cached items in memory, for tests that are about something else than the disk. */
import { hex } from '../../core/wire/keys';
import type { CachedItem, CachedItemStore, NumberedItem } from '../../servers/store/store';

interface Kept {
  readonly item: NumberedItem;
  readonly parts: Map<number, Uint8Array>;
  isWhole: boolean;
}

export class MemoryCachedItems implements CachedItemStore {
  /** Set: writing fails, as on a full disk. */
  failure: Error | undefined;
  readonly kept = new Map<number, Kept>();
  private last = 0;

  async has({ receiver, sender, id }: Pick<CachedItem, 'receiver' | 'sender' | 'id'>): Promise<boolean> {
    return this.whole().some(
      (item) => item.receiver === receiver && item.sender === sender && hex(item.id) === hex(id),
    );
  }

  async append(
    known: number | undefined,
    item: CachedItem,
    { offset, bytes, isLast }: { offset: number; bytes: Uint8Array; isLast: boolean },
  ): Promise<number> {
    if (this.failure) throw this.failure;
    const number = known ?? ++this.last;
    const kept = this.kept.get(number) ?? { item: { ...item, number }, parts: new Map(), isWhole: false };
    this.kept.set(number, kept);
    kept.parts.set(offset, new Uint8Array(bytes));
    kept.isWhole ||= isLast;
    return number;
  }

  async next(receiver: string, boxes: readonly string[], nowMs: number): Promise<NumberedItem | undefined> {
    return this.whole().find(
      (item) => item.receiver === receiver && boxes.includes(item.box) && item.expiresMs > nowMs,
    );
  }

  async find(number: number): Promise<NumberedItem | undefined> {
    return this.whole().find((item) => item.number === number);
  }

  async part(number: number, offset: number): Promise<Uint8Array | undefined> {
    return this.kept.get(number)?.parts.get(offset);
  }

  async remove(number: number): Promise<void> {
    this.kept.delete(number);
  }

  async expire(nowMs: number, limit: number): Promise<number> {
    const over = [...this.kept.values()].filter(({ item }) => item.expiresMs <= nowMs).slice(0, limit);
    for (const { item } of over) this.kept.delete(item.number);
    return over.length;
  }

  async usage(of: { receiver?: string; owner?: string } = {}): Promise<{ items: number; bytes: number }> {
    const items = [...this.kept.values()]
      .map(({ item }) => item)
      .filter(({ receiver }) => of.receiver === undefined || of.receiver === receiver)
      .filter(({ owner }) => of.owner === undefined || of.owner === owner);
    return { items: items.length, bytes: items.reduce((sum, { length }) => sum + length, 0) };
  }

  async discardParts(): Promise<void> {
    for (const [number, { isWhole }] of this.kept) if (!isWhole) this.kept.delete(number);
  }

  private whole(): NumberedItem[] {
    return [...this.kept.values()].filter(({ isWhole }) => isWhole).map(({ item }) => item);
  }
}
