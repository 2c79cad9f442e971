import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { PART_LENGTH } from '../../../core/wire/cache-frames';
import { frame } from '../../../core/wire/frames';
import { Refused } from '../../../core/wire/outcomes';
import { CacheNode } from '../../support/cache-node';
import { flush, pass } from '../../support/memory-datagrams';
import { ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';
import { SeededRandom } from '../../support/virtual-time';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 });
const bob = `bob.${ZONE}`;
const content = new SeededRandom(3).bytes(1_000);

async function joined() {
  const world = await ServerWorld.start({ withCache: true });
  const [alice, bobNode] = [new SimulatedNode(world, 'alice', at(1)), new SimulatedNode(world, 'bob', at(2))];
  await alice.join();
  await bobNode.join();
  const sender = await CacheNode.of(alice, bob);
  const kept = (): number => world.store.cachedItems.kept.size;
  return { world, alice, bobNode, sender, kept };
}

async function stored() {
  const all = await joined();
  await all.sender.storing(content, bob);
  all.sender.send({ transfer: 1, offset: 0, bytes: content });
  assert.deepEqual(await all.sender.storing(content, bob), { stored: true, received: content.length });
  return all;
}

const refused = (refusal: string) => (error: unknown) => error instanceof Refused && error.refusal === refusal;

describe('cache server', () => {
  it('stored: the receiver asks -> the item and its bytes; finished -> gone, and finished again -> nothing', async () => {
    const { world, bobNode, kept } = await stored();
    const receiver = await CacheNode.of(bobNode);
    const { item } = await receiver.taking({ boxes: ['udp/1', 'items'] });
    await pass(world.time, 5);
    assert(item);
    assert.deepEqual([item.sender, item.box, item.length], [`alice.${ZONE}`, 'items', content.length]);
    assert.deepEqual(receiver.chunks[0]?.bytes, content);
    const finished = { number: item.number, outcome: 'taken' as const };
    for (let i = 0; i < 2; i++) assert.deepEqual(await receiver.taking({ boxes: ['items'], finished }), { item: null });
    assert.deepEqual([kept(), [...world.cs.ended]], [0, [['taken', 1]]]);
  });

  it('stored: another node asks for it, by its number, or says that it has it -> nothing, and it stays', async () => {
    const { world, sender, kept } = await stored();
    const [number] = [...world.store.cachedItems.kept.keys()];
    assert.deepEqual(await sender.taking({ boxes: ['items'] }), { item: null });
    assert.deepEqual(await sender.taking({ boxes: [], part: { number: number!, offset: 0 } }), { item: null });
    await sender.taking({ boxes: [], finished: { number: number!, outcome: 'taken' } });
    assert.deepEqual([kept(), sender.chunks.length], [1, 0]);
  });

  it('stored: the same id again, on another connection -> stored at once, and once', async () => {
    const { alice, kept } = await stored();
    const again = await CacheNode.of(alice, bob);
    assert.deepEqual(await again.storing(content, bob), { stored: true, received: content.length });
    assert.equal(kept(), 1);
  });

  it('receiver connected: something is stored for it -> a notice', async () => {
    const { world, bobNode, sender } = await joined();
    const receiver = await CacheNode.of(bobNode);
    await receiver.taking({ boxes: ['items'] });
    await sender.storing(content, bob);
    sender.send({ transfer: 1, offset: 0, bytes: content });
    await pass(world.time, 5);
    assert.equal(receiver.notices, 1);
  });

  it('a receiver of whom the DC did not speak -> refused', async () => {
    const { sender, kept } = await joined();
    await assert.rejects(sender.storing(content, `carol.${ZONE}`), refused('not-registered'));
    assert.equal(kept(), 0);
  });

  it('bytes: damaged on the way -> refused as malformed, counted, nothing is kept', async () => {
    const { world, sender, kept } = await joined();
    await sender.storing(content, bob);
    sender.send({ transfer: 1, offset: 0, bytes: content.map((byte, i) => (i === 500 ? byte ^ 1 : byte)) });
    await assert.rejects(sender.storing(content, bob), refused('malformed'));
    assert.deepEqual([kept(), world.cs.uploads.drops.get('damaged')], [0, 1]);
  });

  it('bytes: the connection ends in their midst -> nothing is kept, and the id is free', async () => {
    const { world, alice, sender, kept } = await joined();
    const big = new SeededRandom(4).bytes(3 * PART_LENGTH);
    await sender.storing(big, bob);
    for (let offset = 0; offset < PART_LENGTH + 5_000; offset += 5_000) {
      sender.send({ transfer: 1, offset, bytes: big.subarray(offset, offset + 5_000) });
    }
    await pass(world.time, 5);
    assert.equal(kept(), 1, 'a part is written');
    sender.close();
    await pass(world.time, 5);
    assert.equal(kept(), 0);
    const again = await CacheNode.of(alice, bob);
    assert.deepEqual(await again.storing(big, bob), { stored: false, received: 0 });
  });

  for (const [what, chunk] of [
    ['not where they belong', { transfer: 1, offset: 1, bytes: content }],
    ['more than was announced', { transfer: 1, offset: 0, bytes: new Uint8Array(1_001) }],
  ] as const) {
    it(`bytes: ${what} -> counted, the connection is closed`, async () => {
      const { world, sender } = await joined();
      await sender.storing(content, bob);
      sender.send(chunk);
      await pass(world.time, 5);
      assert.deepEqual([sender.isOpen, world.cs.uploads.drops.get('out of place')], [false, 1]);
    });
  }

  it('bytes: of no transfer -> counted; a frame that is none -> closed', async () => {
    const { world, sender } = await joined();
    sender.send({ transfer: 9, offset: 0, bytes: content });
    await pass(world.time, 5);
    assert.deepEqual([sender.isOpen, world.cs.uploads.drops.get('unknown transfer')], [true, 1]);
    sender.sendBytes(frame(Uint8Array.of(0x43, 2, 0, 0)));
    await pass(world.time, 5);
    assert.equal(sender.isOpen, false);
  });

  it('bytes: faster than the disk takes them -> counted, closed, memory is bounded', async () => {
    const { world, sender } = await joined();
    world.store.cachedItems.append = () => new Promise(() => {});
    const big = new Uint8Array(12 * PART_LENGTH);
    await sender.storing(big, bob);
    for (let offset = 0; offset < big.length; offset += 16_384) {
      sender.send({ transfer: 1, offset, bytes: big.subarray(offset, offset + 16_384) });
    }
    await pass(world.time, 5);
    assert.deepEqual([sender.isOpen, world.cs.uploads.drops.get('faster than the disk')], [false, 1]);
  });

  it('nine items at once on one connection -> the ninth is refused', async () => {
    const { sender } = await joined();
    const begin = (transfer: number) =>
      sender.storing(content, bob, { transfer, id: new Uint8Array(16).fill(transfer) });
    for (let transfer = 1; transfer <= 8; transfer++) await begin(transfer);
    await assert.rejects(begin(9), refused('unavailable'));
  });

  it('uploads that are promised room -> count against the quota of those that come after', async () => {
    const { world, sender } = await joined();
    world.cs.limit({ senderItems: 2 });
    const begin = (transfer: number) =>
      sender.storing(content, bob, { transfer, id: new Uint8Array(16).fill(transfer) });
    await begin(1);
    await begin(2);
    await assert.rejects(begin(3), refused('cache-full'));
  });

  it('a key that the DC did not announce, and silence -> counted, closed after five seconds', async () => {
    const { world } = await joined();
    const stranger = new CacheNode(world, new Uint8Array(32).fill(7));
    await assert.rejects(stranger.storing(content, bob), /key is unknown/);
    await pass(world.time, 5_000);
    assert.equal(stranger.isOpen, false);
    assert(world.cs.streamSignalling.drops.get('unknown key')! > 0);
  });

  it('a second connection of a node -> the first is closed', async () => {
    const { world, alice, sender } = await stored();
    const second = await CacheNode.of(alice, bob);
    await second.taking({ boxes: ['items'] });
    await pass(world.time, 5);
    assert.deepEqual([sender.isOpen, second.isOpen], [false, true]);
  });

  it("a node asks the DC as if it were a DC, a stranger asks for what is another's -> refused", async () => {
    const { alice } = await joined();
    const from = { fqdn: bob, publicKey: new Uint8Array(32), key: new Uint8Array(32) };
    const addresses = { ipv4: '198.18.0.2', ipv6: 'fd00::2' };
    const body = { target: bob, from: { ...from, addresses } };
    await assert.rejects(alice.ask({ name: 'cacheRequest', body }), refused('malformed'));
    await flush();
  });
});
