/** Senders that are not who they say they are: nodes of the network with a session and keys of their own. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { generateKeyPair, hex } from '../../../core/wire/keys';
import { sealItem } from '../../../core/wire/sealed-item';
import { CacheNode } from '../../support/cache-node';
import { settle } from '../../support/memory-datagrams';
import { WorldNode } from '../../support/node-world';
import { ServerWorld, ZONE } from '../../support/server-world';
import { expectBody, SimulatedNode } from '../../support/simulated-node';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });
const bob = `bob.${ZONE}`;

/** What alice stores for bob, and what becomes of it. */
async function delivered(
  forge: (
    honest: { from: string; to: string; sender: SimulatedNode['keys']; voucher: Uint8Array },
    other: Uint8Array,
  ) => object,
) {
  const world = await ServerWorld.start({ withCache: true });
  const reader = new WorldNode(world, 'bob', at(2));
  await reader.join();
  const alice = new SimulatedNode(world, 'alice', at(1));
  await new SimulatedNode(world, 'carol', at(3)).join();
  await alice.join();
  const access = async (target: string) =>
    expectBody(await alice.ask({ name: 'cacheRequest', body: { target } }), 'cacheResponse');
  const other = (await access(`carol.${ZONE}`)).voucher!;
  const { correspondent, voucher, key } = await access(bob);
  const honest = { from: `alice.${ZONE}`, to: bob, sender: alice.keys, voucher: voucher! };
  const { from, to, ...parties } = { ...honest, ...forge(honest, other) };
  const id = world.random.bytes(16);
  const now = Math.floor(world.time.wallTimeMs());
  const label = { id, from, to, sentMs: now, expiresMs: now + 1_000_000 };
  const receiverPublicKey = correspondent!.publicKey;
  const sealed = sealItem(label, Buffer.from('hello'), { ...parties, receiverPublicKey }, world.random);
  const connection = new CacheNode(world, key);
  await connection.storing(sealed, bob, { id });
  connection.send({ transfer: 1, offset: 0, bytes: sealed });
  assert((await connection.storing(sealed, bob, { id })).stored);
  const item = await settle(world.time, reader.node.cache.items.get());
  assert(!item || item.id === hex(id));
  return { from: item?.from, drops: [...reader.node.cache.postbox.drops] };
}

describe('who has stored an item', () => {
  it('alice, as alice -> read, from alice', async () => {
    assert.deepEqual(await delivered(() => ({})), { from: `alice.${ZONE}`, drops: [] });
  });

  for (const [what, forge] of [
    ['alice, as carol', () => ({ from: `carol.${ZONE}` })],
    ['alice, with a key of nobody', () => ({ sender: generateKeyPair({ bytes: (n) => new Uint8Array(n).fill(5) }) })],
    ['alice, with her voucher for another receiver', (_: object, voucher: Uint8Array) => ({ voucher })],
    ['alice, for carol, to bob', () => ({ to: `carol.${ZONE}` })],
    ['alice, with a voucher of her own making', () => ({ voucher: new Uint8Array(120).fill(1) })],
  ] as const) {
    it(`${what} -> dropped, counted as unvouched`, async () => {
      assert.deepEqual(await delivered(forge), { from: undefined, drops: [['unvouched', 1]] });
    });
  }
});
