import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { CachedItem } from '../../../core/cache/contract';
import { settle, pass } from '../../support/memory-datagrams';
import { WorldNode } from '../../support/node-world';
import { OTHER_ZONE, ports, ServerWorld, ZONE } from '../../support/server-world';
import { SeededRandom } from '../../support/virtual-time';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });
const bob = `bob.${ZONE}`;
const big = new SeededRandom(3).bytes(300_000);

/** alice is there; bob has joined once and is away. */
async function absentBob() {
  const world = await ServerWorld.start({ withCache: true });
  const alice = new WorldNode(world, 'alice', at(1));
  const away = new WorldNode(world, 'bob', at(2));
  await away.join();
  await alice.join();
  const bobAgain = away.restarted();
  await pass(world.time, 10);
  const put = (content: string | Uint8Array, options = {}) =>
    settle(world.time, alice.node.cache.items.put(bob, content, options));
  const get = (node: WorldNode) => settle(world.time, node.node.cache.items.get());
  const take = async (node: WorldNode): Promise<string | undefined> => {
    const item = await get(node);
    await settle(world.time, item?.taken() ?? Promise.resolve());
    return item && Buffer.from(item.bytes).toString();
  };
  return { world, alice, bob: bobAgain, put, get, take };
}

const refusedAs = (code: string) => (error: { code?: string }) => error.code === code;

describe('cached items', () => {
  it('receiver away: put, receiver joins and gets -> the item, from whom, under which name; then none', async () => {
    const { world, bob, put, get } = await absentBob();
    const { id, to } = await put('hello', { name: 'greeting.txt', type: 'text/plain' });
    await bob.join();
    const item = await get(bob);
    assert(item);
    const { taken, ...seen } = item;
    assert.deepEqual(
      { ...seen, bytes: Buffer.from(seen.bytes).toString() },
      {
        ...{ from: `alice.${ZONE}`, id, bytes: 'hello', name: 'greeting.txt', type: 'text/plain' },
        sentMs: item.sentMs,
      },
    );
    assert.equal(to, `bob.${ZONE}`);
    assert.deepEqual((await get(bob))?.id, id, 'until it was taken');
    await settle(world.time, taken());
    assert.equal(await get(bob), undefined);
    assert.deepEqual([...world.cs.ended], [['taken', 1]]);
    assert.equal(world.store.cachedItems.kept.size, 0);
  });

  it('receiver away: items of many parts -> the same bytes, in the order in which they were put', async () => {
    const { bob, put, take, get, world } = await absentBob();
    for (const length of [65_536, 65_537, 300_000, 1]) await put(big.subarray(0, length));
    await put('last');
    await bob.join();
    for (const length of [65_536, 65_537, 300_000, 1]) {
      const item = await get(bob);
      assert.deepEqual(item?.bytes, big.subarray(0, length));
      await settle(world.time, item.taken());
    }
    assert.equal(await take(bob), 'last');
  });

  it('receiver there: put -> handed to its handler within a few round trips', async () => {
    const { world, bob, put } = await absentBob();
    await bob.join();
    const seen: string[] = [];
    bob.node.cache.items.on('item', ({ bytes }) => seen.push(Buffer.from(bytes).toString()));
    await pass(world.time, 20);
    await put('one');
    await put('two');
    await pass(world.time, 6); // notice, request, answer, bytes: a millisecond each
    assert.deepEqual(seen, ['one', 'two']);
    assert.equal(world.cs.ended.get('taken'), 2);
  });

  it('handler throws: -> the item is not taken, and comes again before what was put after it', async () => {
    const { world, bob, put } = await absentBob();
    await put('one');
    await put('two');
    await bob.join();
    const seen: string[] = [];
    bob.node.cache.items.on('item', async ({ bytes }) => {
      seen.push(Buffer.from(bytes).toString());
      if (seen.length === 1) throw new Error('not now');
    });
    await pass(world.time, 4_000);
    assert.deepEqual(seen, ['one']);
    await pass(world.time, 2_000);
    assert.deepEqual(seen, ['one', 'one', 'two']);
  });

  it('loop over items: goes on -> taken; left in the midst -> the last one not', async () => {
    const { world, bob, put, take } = await absentBob();
    for (const content of ['one', 'two', 'three']) await put(content);
    await bob.join();
    const seen: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { bytes } of bob.node.cache.items) if (seen.push(Buffer.from(bytes).toString()) === 2) return;
    };
    await settle(world.time, read());
    assert.deepEqual(seen, ['one', 'two']);
    assert.equal(await take(bob), 'two');
    assert.equal(await take(bob), 'three');
  });

  it('item read, not taken: process ends -> the next one has it again', async () => {
    const { bob, put, get, take } = await absentBob();
    await put('once');
    await bob.join();
    assert(await get(bob));
    const next = bob.restarted();
    await next.join();
    assert.equal(await take(next), 'once');
    assert.equal(await take(next), undefined);
  });

  it('item taken: the cache server does not hear of it, the process ends -> the next one has it not again', async () => {
    const { world, bob, put, get, take } = await absentBob();
    await put('once');
    await put('other');
    await bob.join();
    const item = await get(bob);
    world.kill(world.cs, ports.cs);
    await settle(world.time, item!.taken());
    await world.restartCache();
    const next = bob.restarted();
    await next.join();
    assert.equal(await take(next), 'other');
    assert.deepEqual(
      [...world.cs.ended],
      [
        ['duplicate', 1],
        ['taken', 1],
      ],
    );
  });

  it('stored: the cache server restarts -> the item is there, and a reader that waits gets the next ones too', async () => {
    const { world, bob, put } = await absentBob();
    await put('before');
    await world.restartCache();
    await bob.join();
    const seen: string[] = [];
    bob.node.cache.items.on('item', ({ bytes }) => seen.push(Buffer.from(bytes).toString()));
    await pass(world.time, 100);
    await world.restartCache();
    await put('after');
    await pass(world.time, 2_000);
    assert.deepEqual(seen, ['before', 'after']);
  });

  it('cache server gone in the midst of an item, back in a second -> stored once', async () => {
    const { world, alice, bob, take } = await absentBob();
    const stored = alice.node.cache.items.put(bob.fqdn, big);
    await pass(world.time, 7);
    world.kill(world.cs, ports.cs);
    await pass(world.time, 500);
    await world.restartCache();
    await settle(world.time, stored);
    await bob.join();
    assert.equal(await take(bob), Buffer.from(big).toString());
    assert.equal(await take(bob), undefined);
  });

  it('receiver has another key than when it was stored: gets -> nothing, counted, and the cache server deletes it', async () => {
    const { world, bob, put, get } = await absentBob();
    await put('for the old key');
    bob.node.close();
    const stranger = new WorldNode(world, 'bob', at(2));
    await stranger.join();
    await put('for the new key');
    assert.equal(Buffer.from((await get(stranger))!.bytes).toString(), 'for the new key');
    assert.deepEqual([...stranger.node.cache.postbox.drops], [['unreadable', 1]]);
    assert.equal(world.cs.ended.get('unreadable'), 1);
  });

  it('stored: its time is over -> gone', async () => {
    const { world, bob, put, take } = await absentBob();
    await put('short', { ttlMs: 60_000 });
    await put('long');
    await pass(world.time, 61_000);
    await bob.join();
    assert.equal(await take(bob), 'long');
    await pass(world.time, 61_000);
    assert.equal(world.cs.ended.get('expired'), 1);
    assert.equal(world.cs.usage.items, 0);
  });

  it('nobody has joined as carol, nobody owns zoe, no cache server: put -> errors that say so', async () => {
    const { world, alice, put } = await absentBob();
    const { items } = alice.node.cache;
    await assert.rejects(settle(world.time, items.put(`carol.${ZONE}`, 'x')), refusedAs('NTM_NEVER_JOINED'));
    await assert.rejects(settle(world.time, items.put(`zoe.${ZONE}`, 'x')), refusedAs('NTM_NO_SUCH_NAME'));
    world.kill(world.cs, ports.cs);
    await assert.rejects(put('x'), refusedAs('NTM_CACHE_UNREACHABLE'));
  });

  it('too large, quota of the sender full, disk full: put -> errors that say so, nothing of it is kept', async () => {
    const { world, alice, put, bob } = await absentBob();
    const { limits } = world.cs as unknown as { limits: { senderBytes: number; itemBytes: number } };
    await put('small');
    limits.itemBytes = 100_000;
    await assert.rejects(put(big), refusedAs('NTM_TOO_LARGE'));
    limits.itemBytes = 400_000;
    limits.senderBytes = 300_000;
    await assert.rejects(put(big), refusedAs('NTM_CACHE_FULL'));
    await put('still room for this');
    world.store.cachedItems.failure = new Error('database or disk is full');
    await assert.rejects(put('no room'), refusedAs('NTM_CACHE_FULL'));
    world.store.cachedItems.failure = undefined;
    assert.equal(world.store.cachedItems.kept.size, 2);
    assert.equal(world.cs.uploads.drops.get('disk failed'), 1);
    await bob.join();
    assert(alice.node.fqdn);
  });

  it('a node of another zone: puts, receiver gets -> the item, and from whom, for certain', async () => {
    const { world, bob, get, take } = await absentBob();
    const { publicKey } = await world.startSecondZone();
    await world.startSecondCache(publicKey);
    const dora = new WorldNode(world, 'dora', at(4), 'auto', OTHER_ZONE);
    await dora.join();
    await settle(world.time, dora.node.cache.items.put(bob.fqdn, 'from afar'));
    await bob.join();
    const item = (await get(bob)) as CachedItem;
    assert.deepEqual([item.from, Buffer.from(item.bytes).toString()], [`dora.${OTHER_ZONE}`, 'from afar']);
    await settle(world.time, item.taken());
    await settle(world.time, bob.node.cache.items.put(dora.fqdn, 'and back'));
    assert.equal(await take(dora), 'and back');
  });
});
