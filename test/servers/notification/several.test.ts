import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { pass, settle } from '../../support/memory-datagrams';
import { WorldNode } from '../../support/node-world';
import { ports, ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';

const at = (n: number) => ({ address: '203.0.113.1', port: 4_000 + n });

/** Nodes alice, one.alice, ... behind two NS. */
async function start(count: number) {
  const world = await ServerWorld.start();
  const spare = await world.startSpareNotificationServer();
  const nodes: SimulatedNode[] = [];
  for (let i = 0; i < count; i++) {
    const node = new SimulatedNode(world, 'alice', at(i), `n${i}`);
    nodes.push(node);
    await node.join();
  }
  return { world, spare, nodes };
}

describe('several notification servers of one DC', () => {
  it('forty nodes join -> spread over both; each stays where it is when it registers again', async () => {
    const { world, spare, nodes } = await start(40);
    assert(world.ns.connections.size >= 10 && spare.connections.size >= 10);
    assert.equal(world.ns.connections.size + spare.connections.size, 40);
    const before = nodes.map(({ notifiedAt }) => notifiedAt);
    for (const node of nodes) await node.register();
    assert.deepEqual(
      nodes.map(({ notifiedAt }) => notifiedAt),
      before,
    );
    world.close();
  });

  it('forty nodes join: one of two is nearly full -> most go to the other', async () => {
    const world = await ServerWorld.start({ notification: { limits: { connections: 20 } } });
    for (let i = 0; i < 18; i++) {
      const strange = { sourceAddress: '192.0.2.99', write() {}, close() {} };
      assert(world.ns.accept(strange));
    }
    const spare = await world.startSpareNotificationServer();
    await pass(world.time, 4_000); // the DC is told
    await world.tellLoad();
    for (let i = 0; i < 15; i++) await new SimulatedNode(world, 'alice', at(i), `n${i}`).join();
    assert(spare.connections.size >= 12, `${spare.connections.size} of 15`);
    world.close();
  });

  it('one dies -> its nodes are served by the other within seconds, and are notified there', async () => {
    const { world, spare } = await start(0);
    const nodes = ['alice', 'bob', 'carol'].map((name, i) => new WorldNode(world, name, at(i)));
    for (const node of nodes) await node.join();
    await pass(world.time, 100);
    const [dead, left, where] =
      spare.connections.size > 1 ? [spare, world.ns, ports.spareNs] : [world.ns, spare, ports.ns];
    assert(dead.connections.size > 0);
    world.killNotificationServer(dead, where);
    await pass(world.time, 40_000);
    assert.equal(left.connections.size, 3);
    world.trace.length = 0;
    await settle(world.time, nodes[0]!.node.lookup(`bob.${ZONE}`));
    assert.deepEqual(world.steps(5).slice(0, 5), [2, 9, 10, 11, 12]);
    for (const { node } of nodes) node.close();
    world.close();
  });

  it('one drains -> takes no more, its nodes go to the other, then it is empty', async () => {
    const { world, spare } = await start(0);
    const nodes = ['alice', 'bob', 'carol'].map((name, i) => new WorldNode(world, name, at(i)));
    for (const node of nodes) await node.join();
    await pass(world.time, 100);
    const [draining, left] = spare.connections.size > 1 ? [spare, world.ns] : [world.ns, spare];
    const drained = draining.drain(30_000);
    assert.equal(draining.accept({ sourceAddress: '192.0.2.99', write() {}, close() {} }), undefined);
    await world.tellLoad();
    await settle(world.time, drained);
    assert.equal(draining.connections.size, 0);
    assert.equal(left.connections.size, 3);
    for (const { node } of nodes) node.close();
    world.close();
  });
});
