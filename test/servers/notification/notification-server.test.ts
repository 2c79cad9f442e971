import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { frame, FrameReader } from '../../../core/wire/frames';
import { pass } from '../../support/memory-datagrams';
import { ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';
import { SeededRandom } from '../../support/virtual-time';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 });

describe('notification server', () => {
  it('connected: registers again -> the same key, the connection stays', async () => {
    const world = await ServerWorld.start();
    const node = new SimulatedNode(world, 'alice', at(1));
    const first = await node.join();
    const second = await node.register();
    await pass(world.time, 10);
    assert.deepEqual(second.notification, first.notification);
    assert(node.stream);
  });

  it('connected: logs in again elsewhere -> the older connection is closed', async () => {
    const world = await ServerWorld.start();
    const older = new SimulatedNode(world, 'alice', at(1));
    await older.join();
    await new SimulatedNode(world, 'alice', at(2)).join();
    await pass(world.time, 10);
    assert.equal(older.stream, undefined);
  });

  it('connected: registers on a second connection -> the first is closed, notifications come on the second', async () => {
    const world = await ServerWorld.start();
    const cn = new SimulatedNode(world, 'alice', at(1));
    const registration = await cn.join();
    const first = cn.stream!;
    await cn.registerForNotifications(registration);
    await pass(world.time, 10);
    first.write(new Uint8Array(2)); // into nothing: it is closed
    assert.equal(world.ns.connections.load, 1 / 10_000);
    const mn = new SimulatedNode(world, 'bob', at(2));
    await mn.join();
    world.trace.length = 0;
    await mn.direct(`alice.${ZONE}`);
    await pass(world.time, 10);
    assert.deepEqual(world.steps(5), [2, 9, 12, 10, 13, 11, 15, 16]);
  });

  it('accepted: nothing registered for five seconds -> closed', async () => {
    const world = await ServerWorld.start();
    let ended = false;
    const stream = world.connect(
      () => {},
      () => (ended = true),
      '198.51.100.1',
    );
    assert(stream);
    await pass(world.time, 4_990);
    assert.equal(ended, false);
    await pass(world.time, 20);
    assert.equal(ended, true);
    assert.equal(world.ns.connections.drops.get('silent'), 1);
  });

  it('connected: keep alives for ten minutes, then silence -> open, then closed', async () => {
    const world = await ServerWorld.start();
    const node = new SimulatedNode(world, 'alice', at(1));
    await node.join();
    for (let i = 0; i < 10; i++) {
      await pass(world.time, 60_000);
      node.keepNotificationsAlive();
    }
    assert(node.stream);
    await pass(world.time, 181_000);
    assert.equal(node.stream, undefined);
  });

  for (const [what, bytes] of [
    ['a frame of no length', Uint8Array.of(0, 0)],
    ['a frame of 1201 bytes', Uint8Array.of(0x04, 0xb1)],
    ['random bytes', new SeededRandom(5).bytes(4000)],
  ] as const) {
    it(`accepted: ${what} -> closed`, async () => {
      const world = await ServerWorld.start();
      let ended = false;
      world
        .connect(
          () => {},
          () => (ended = true),
          '198.51.100.1',
        )!
        .write(bytes);
      await pass(world.time, 10);
      assert.equal(ended, true);
      assert.equal(world.ns.connections.drops.get('broke the framing'), 1);
    });
  }

  it('a thousand connections of one source: one more -> refused, of another -> accepted, after an end -> accepted', async () => {
    const world = await ServerWorld.start();
    const connect = (source: string) =>
      world.connect(
        () => {},
        () => {},
        source,
      );
    const first = connect('198.51.100.1');
    for (let i = 1; i < 1000; i++) assert(connect('198.51.100.1'));
    assert.equal(connect('198.51.100.1'), undefined);
    assert(connect('198.51.100.2'));
    first!.close();
    await pass(world.time, 2);
    assert(connect('198.51.100.1'));
  });

  it('report of a node: sent to the DC -> refused', async () => {
    const world = await ServerWorld.start();
    const node = new SimulatedNode(world, 'alice', at(1));
    await node.join();
    const body = { kind: 'ns' as const, load: 0, endpoints: [] };
    await assert.rejects(node.ask({ name: 'serverReport', body }), { refusal: 'malformed' });
    const key = { fqdn: `bob.${ZONE}`, publicKey: new Uint8Array(32), key: new Uint8Array(32) };
    await assert.rejects(node.ask({ name: 'keyDistribution', body: key }), { refusal: 'malformed' });
  });

  it('NS silent for half a minute: registration -> without notification', async () => {
    const world = await ServerWorld.start();
    const node = new SimulatedNode(world, 'alice', at(1));
    await node.login();
    world.network.lose = (_, from) => from.port === 3;
    await pass(world.time, 41_000);
    assert.equal((await node.register()).notification, null);
  });
});

describe('frames', () => {
  it('three datagrams: read byte by byte, all at once, in random pieces -> the same three', () => {
    const random = new SeededRandom(9);
    const datagrams = [1, 1200, 57].map((length) => random.bytes(length));
    const stream = Buffer.concat(datagrams.map(frame));
    for (const pieceLength of [() => 1, () => stream.length, () => 1 + random.below(300)]) {
      const reader = new FrameReader();
      const read: Uint8Array[] = [];
      for (let at = 0; at < stream.length;) {
        const length = pieceLength();
        read.push(...reader.read(stream.subarray(at, at + length))!);
        at += length;
      }
      assert.deepEqual(read, datagrams);
    }
  });
});
