/**
 * Cached items in SQLite; see store.ts. An item's bytes are rows of their own, a part each, so that neither a write nor
 * a read takes long. The last part and the mark that the item is whole are one transaction: a crash at any moment leaves
 * a whole item or none.
 */
import type Libsql from 'libsql';
import type { CachedItem, CachedItemStore, CacheUsage, NumberedItem } from './store';

interface Row {
  number: number;
  receiver: string;
  sender: string;
  owner: string;
  box: string;
  id: Uint8Array;
  length: number;
  digest: Uint8Array;
  expires_ms: number;
}

export function cachedItemStore(db: Libsql.Database): CachedItemStore {
  const has = db.prepare('SELECT 1 FROM cached_items WHERE receiver = ? AND sender = ? AND id = ? AND is_whole = 1');
  const insert = db.prepare(
    `INSERT INTO cached_items (receiver, sender, owner, box, id, length, digest, expires_ms, is_whole)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`,
  );
  const insertPart = db.prepare('INSERT INTO cached_parts VALUES (?, ?, ?)');
  const complete = db.prepare('UPDATE cached_items SET is_whole = 1 WHERE number = ?');
  const find = db.prepare('SELECT * FROM cached_items WHERE number = ? AND is_whole = 1');
  const part = db.prepare('SELECT bytes FROM cached_parts WHERE number = ? AND "offset" = ?');
  const removeParts = db.prepare('DELETE FROM cached_parts WHERE number = ?');
  const removeItem = db.prepare('DELETE FROM cached_items WHERE number = ?');
  const over = db.prepare('SELECT number FROM cached_items WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?');
  const unfinished = db.prepare('SELECT number FROM cached_items WHERE is_whole = 0');
  const usage = 'SELECT count(*) AS items, coalesce(sum(length), 0) AS bytes FROM cached_items';
  const usageOfReceiver = db.prepare(`${usage} WHERE receiver = ?`);
  const usageOfOwner = db.prepare(`${usage} WHERE owner = ?`);
  // Counted once: summing up a million items for each new one would take longer than to store it.
  const { items, bytes } = db.prepare(usage).get() as CacheUsage;
  const total = { items, bytes };
  const next = new Map<number, Libsql.Statement>();

  const append = db.transaction(
    (known: number | undefined, item: CachedItem, bytes: Buffer, offset: number, isLast: boolean) => {
      const { receiver, sender, owner, box, id, length, digest, expiresMs } = item;
      const number =
        known ??
        Number(
          insert.run(receiver, sender, owner, box, Buffer.from(id), length, Buffer.from(digest), expiresMs)
            .lastInsertRowid,
        );
      insertPart.run(number, offset, bytes);
      if (isLast) complete.run(number);
      return number;
    },
  );
  const lengthOf = db.prepare('SELECT length FROM cached_items WHERE number = ?');
  const removeAll = db.transaction((numbers: readonly number[]) => {
    const removed = { items: 0, bytes: 0 };
    for (const number of numbers) {
      const row = lengthOf.get(number) as { length: number } | undefined;
      if (!row) continue;
      removeParts.run(number);
      removeItem.run(number);
      removed.items++;
      removed.bytes += row.length;
    }
    return removed;
  });
  const remove = (numbers: readonly number[]): number => {
    const removed = removeAll.immediate(numbers);
    total.items -= removed.items;
    total.bytes -= removed.bytes;
    return removed.items;
  };
  const numbersOf = (rows: unknown[]): number[] => (rows as { number: number }[]).map(({ number }) => number);

  return {
    has: async ({ receiver, sender, id }) => has.get(receiver, sender, Buffer.from(id)) !== undefined,
    async append(known, item, { offset, bytes, isLast }) {
      const number = append.immediate(known, item, Buffer.from(bytes), offset, isLast);
      if (known === undefined) {
        total.items++;
        total.bytes += item.length;
      }
      return number;
    },
    async next(receiver, boxes, nowMs) {
      if (boxes.length === 0) return undefined;
      const among = boxes.map(() => '?').join();
      const statement =
        next.get(boxes.length) ??
        db.prepare(
          `SELECT * FROM cached_items
           WHERE receiver = ? AND box IN (${among}) AND is_whole = 1 AND expires_ms > ? ORDER BY number LIMIT 1`,
        );
      next.set(boxes.length, statement);
      return numbered(statement.get(receiver, ...boxes, nowMs));
    },
    find: async (number) => numbered(find.get(number)),
    async part(number, offset) {
      const row = part.get(number, offset) as { bytes: Uint8Array } | undefined;
      return row && new Uint8Array(row.bytes);
    },
    remove: async (number) => void remove([number]),
    expire: async (nowMs, limit) => remove(numbersOf(over.all(nowMs, limit))),
    async usage(of) {
      if (!of) return { ...total };
      const row = 'receiver' in of ? usageOfReceiver.get(of.receiver) : usageOfOwner.get(of.owner);
      const { items, bytes } = row as CacheUsage;
      return { items, bytes };
    },
    discardParts: async () => void remove(numbersOf(unfinished.all())),
  };
}

function numbered(row: unknown): NumberedItem | undefined {
  if (!row) return undefined;
  const { expires_ms: expiresMs, id, digest, number, receiver, sender, owner, box, length } = row as Row;
  const bytes = { id: new Uint8Array(id), digest: new Uint8Array(digest) };
  return { ...bytes, number, receiver, sender, owner, box, length, expiresMs };
}
