/** How much the servers do at the same time for one who asks, and that nothing goes on after their end. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { encodeBody } from '../../core/wire/codec';
import { generateKeyPair } from '../../core/wire/keys';
import { messages } from '../../core/wire/messages';
import { sealBox } from '../../core/wire/seal';
import { pass, settle } from '../support/memory-datagrams';
import { ports, ServerWorld, ZONE } from '../support/server-world';
import { SimulatedNode } from '../support/simulated-node';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 });

describe('limits of servers', () => {
  it('one stranger, a hundred first contacts at once -> one password is verified, and others can log in', async () => {
    const world = await ServerWorld.start();
    world.passwordMs = 100;
    const keys = generateKeyPair(world.random);
    for (let i = 0; i < 100; i++) {
      const body = encodeBody({ account: `nobody-${i}`, node: null, password: 'guess' });
      const { type } = messages.configurationRequest;
      const meaning = { version: 1, response: false, type, transaction: BigInt(i) };
      world.as.receive(sealBox(meaning, body, keys, world.identities.as.publicKey, world.random), at(i));
    }
    await pass(world.time, 50);
    assert.deepEqual([world.passwordsVerified, world.as.signalling.drops.get('too many at once')], [1, 99]);
    await new SimulatedNode(world, 'alice', at(1)).login();
  });

  it('a node with 256 requests under way: 44 more -> dropped; later -> handled', async () => {
    const world = await ServerWorld.start();
    const [mn, cn] = [new SimulatedNode(world, 'alice', at(1)), new SimulatedNode(world, 'bob', at(2))];
    for (const node of [mn, cn]) await node.join();
    cn.vanish();
    const body = { target: `bob.${ZONE}` };
    const refused = Promise.allSettled(
      Array.from({ length: 300 }, () => mn.signalling.request(mn.dc!, ports.dc, { name: 'directionRequest', body })),
    );
    await pass(world.time, 100);
    assert.equal(world.dc.signalling.drops.get('too many at once'), 44);
    await settle(world.time, refused);
    await pass(world.time, 5_000);
    await assert.rejects(mn.direct(`bob.${ZONE}`), { refusal: 'node-absent' });
    await mn.keepAlive();
  });

  it('AS with sessions, one login under way: closed -> no timer is left, and none comes', async () => {
    const world = await ServerWorld.start({ withNotification: false });
    await new SimulatedNode(world, 'alice', at(1)).login();
    await pass(world.time, 5_000); // what the login was retransmitted for
    world.passwordMs = 100;
    const node = new SimulatedNode(world, 'bob', at(2));
    const login = assert.rejects(node.login());
    await pass(world.time, 50);
    node.signalling.close();
    world.close();
    await login;
    await pass(world.time, 60);
    assert.equal(world.time.pendingCount, 0);
  });
});
