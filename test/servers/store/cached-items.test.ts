import assert from 'node:assert/strict';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, it } from 'mocha';
import { PART_LENGTH } from '../../../core/wire/cache-frames';
import { openSqliteStore, STORE_FILE } from '../../../servers/store/sqlite-store';
import type { CachedItemStore, NumberedItem } from '../../../servers/store/store';
import { contentOf, itemOf } from '../../support/item-writer';
import { temporaryDirectory } from '../../support/paths';
import { Program } from '../../support/processes';
import { SeededRandom } from '../../support/virtual-time';

const bob = 'bob.ntm.test';
const writer = join(__dirname, '../../support/item-writer.js');

async function put(store: CachedItemStore, seed: number, more = {}): Promise<number> {
  const content = contentOf(seed);
  let number: number | undefined;
  for (let offset = 0; offset < content.length; offset += PART_LENGTH) {
    const bytes = content.subarray(offset, offset + PART_LENGTH);
    const isLast = offset + PART_LENGTH >= content.length;
    number = await store.append(number, { ...itemOf(seed, content), ...more }, { offset, bytes, isLast });
  }
  return number!;
}

async function contentIn(store: CachedItemStore, { number, length }: NumberedItem): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < length; offset += PART_LENGTH) parts.push((await store.part(number, offset))!);
  return Buffer.concat(parts);
}

describe('cached items in SQLite', () => {
  let dir: string;
  beforeEach(() => (dir = temporaryDirectory()));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('items of several boxes and receivers: next -> the oldest that is whole, not over, and of these', async () => {
    const store = openSqliteStore(dir);
    const { cachedItems } = store;
    const first = await put(cachedItems, 1, { box: 'udp/1' });
    await put(cachedItems, 2, { receiver: 'carol.ntm.test' });
    await put(cachedItems, 3, { expiresMs: 500 });
    const fourth = await put(cachedItems, 4);
    const half = { ...itemOf(5, contentOf(5)), box: 'udp/1' };
    await cachedItems.append(undefined, half, { offset: 0, bytes: new Uint8Array(PART_LENGTH), isLast: false });
    assert.equal((await cachedItems.next(bob, ['items'], 1_000))?.number, fourth);
    assert.equal((await cachedItems.next(bob, ['items', 'udp/1'], 1_000))?.number, first);
    assert.equal(await cachedItems.next(bob, [], 1_000), undefined);
    await cachedItems.remove(first);
    assert.equal(await cachedItems.next(bob, ['udp/1'], 1_000), undefined);
    assert.equal(await cachedItems.part(first, 0), undefined);
    assert.equal(await cachedItems.expire(1_000, 10), 1);
    assert.equal((await cachedItems.usage()).items, 3);
    await cachedItems.discardParts();
    assert.deepEqual(await cachedItems.usage({ receiver: bob }), { items: 1, bytes: contentOf(4).length });
    store.close();
    const again = openSqliteStore(dir);
    assert.equal((await again.cachedItems.usage()).items, 2);
    again.close();
  });

  it('a writer is killed at random moments -> no item that was acknowledged is lost, none is there by half', async function () {
    this.timeout(60_000);
    const random = new SeededRandom(Date.now() >>> 0);
    const acknowledged = new Map<number, number>();
    for (let round = 0; round < 5; round++) {
      const first = 1_000 * (round + 1);
      const process = Program.node([writer, dir, String(first)]);
      const enough = 1 + random.below(25);
      await process.line((line) => line.endsWith(` ${first + enough}`));
      await process.kill();
      for (const line of process.lines) {
        const [, number, seed] = line.split(' ').map(Number);
        acknowledged.set(number!, seed!);
      }
      const store = openSqliteStore(dir);
      await store.cachedItems.discardParts();
      for (const [number, seed] of acknowledged) {
        const item = await store.cachedItems.find(number);
        assert(item, `item ${number} of seed ${seed} is there`);
        assert.deepEqual(await contentIn(store.cachedItems, item), Buffer.from(contentOf(seed)));
      }
      // One more at most: stored, and killed before it could say so.
      const { items } = await store.cachedItems.usage();
      assert(items - acknowledged.size <= round + 1, `${items} items, ${acknowledged.size} acknowledged`);
      store.close();
    }
  });

  it('disk full in the midst of an item: append -> rejects; what is there stays, and there is room again later', async () => {
    const store = openSqliteStore(dir);
    const kept = await put(store.cachedItems, 7);
    store.close();
    const db = new Database(join(dir, STORE_FILE));
    const pages = (db.prepare('PRAGMA page_count').get() as { page_count: number }).page_count;
    db.close();
    const full = openSqliteStore(dir, { pageLimit: pages + 20 });
    const about = { ...itemOf(8, contentOf(8)), length: 4 * PART_LENGTH };
    const bytes = new Uint8Array(PART_LENGTH);
    const number = await full.cachedItems.append(undefined, about, { offset: 0, bytes, isLast: false });
    await assert.rejects(
      full.cachedItems.append(number, about, { offset: PART_LENGTH, bytes, isLast: false }),
      /database or disk is full/,
    );
    await full.cachedItems.remove(number);
    assert.deepEqual(
      await contentIn(full.cachedItems, (await full.cachedItems.find(kept))!),
      Buffer.from(contentOf(7)),
    );
    assert(await full.cachedItems.append(undefined, { ...about, length: 10 }, { offset: 0, bytes, isLast: true }));
    full.close();
    assert(statSync(join(dir, STORE_FILE)).size > 0);
  });
});
