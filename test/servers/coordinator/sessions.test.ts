/** What a DC still knows after it was killed: on the virtual clock. crash.test.ts kills a real process. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { hex, sharedKey } from '../../../core/wire/keys';
import type { Endpoint } from '../../../core/wire/addresses';
import { SessionKeeper } from '../../../servers/coordinator/session-keeper';
import type { SessionChange, SessionStore, StoredSession } from '../../../servers/store/session-store';
import { memoryStore } from '../../support/memory-store';
import { pass, settle } from '../../support/memory-datagrams';
import { ports, ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';
import { VirtualTime } from '../../support/virtual-time';

const at = (n: number): Endpoint => ({ address: `203.0.113.${n}`, port: 4000 });

async function twoNodes() {
  const world = await ServerWorld.start({ withNotification: false });
  const [mn, cn] = [new SimulatedNode(world, 'alice', at(1)), new SimulatedNode(world, 'bob', at(2))];
  for (const node of [mn, cn]) await node.join();
  await pass(world.time, 1_000);
  return { world, mn, cn };
}

describe('a DC that was killed', () => {
  it('two registered nodes: one asks for the other -> directed at once, nobody logs in or registers', async () => {
    const { world, mn, cn } = await twoNodes();
    await world.crashCoordinator();
    world.trace.length = 0;
    const direction = await mn.direct(`bob.${ZONE}`);
    assert.deepEqual(direction.endpoints, [at(2)]);
    assert.equal(hex(direction.correspondent.publicKey), hex(cn.keys.publicKey));
    assert.equal(cn.directions.length, 1);
    assert.deepEqual(world.steps(4), []);
  });

  it('a node that left before: asked for -> absent', async () => {
    const { world, mn, cn } = await twoNodes();
    cn.deregister();
    await pass(world.time, 1_000);
    await world.crashCoordinator();
    await assert.rejects(mn.direct(`bob.${ZONE}`), { refusal: 'node-absent' });
  });

  it('a node that vanished long before: asked for -> absent at once, its DC does not look for it', async () => {
    const { world, mn, cn } = await twoNodes();
    cn.vanish();
    for (let i = 0; i < 6; i++) {
      await pass(world.time, 25_000);
      await mn.keepAlive();
    }
    await world.crashCoordinator();
    world.trace.length = 0;
    await assert.rejects(mn.direct(`bob.${ZONE}`), { refusal: 'node-absent' });
    assert(!world.trace.some(({ event, message }) => event === 'send' && message === 'Route Direction'));
  });

  it('a name that logged in twice -> only the newer session is known', async () => {
    const { world, mn } = await twoNodes();
    const newer = new SimulatedNode(world, 'alice', at(3));
    await newer.join();
    await pass(world.time, 1_000);
    await world.crashCoordinator();
    await newer.keepAlive();
    await assert.rejects(mn.keepAlive(), { keyUnknown: true });
  });

  it('a keep alive of before, replayed from elsewhere -> the node stays where it was', async () => {
    const { world, mn, cn } = await twoNodes();
    const recorded: Uint8Array[] = [];
    world.network.lose = (datagram, _, to) => {
      if (to.port === ports.dc.port) recorded.push(new Uint8Array(datagram));
      return false;
    };
    await cn.keepAlive();
    await cn.register();
    await pass(world.time, 1_000);
    await cn.keepAlive(); // after the registration was written
    assert.equal(recorded.length, 3);
    await world.crashCoordinator();
    for (const datagram of recorded) world.dc.receive(datagram, at(66));
    await pass(world.time, 100);
    assert.deepEqual((await mn.direct(`bob.${ZONE}`)).endpoints, [at(2)]);
  });

  it('a node that comes from elsewhere -> has to register, and then is there', async () => {
    const { world, mn, cn } = await twoNodes();
    await world.crashCoordinator();
    cn.move(at(5));
    await assert.rejects(cn.keepAlive(), { refusal: 'not-registered' });
    await cn.register([at(5)]);
    assert.deepEqual((await mn.direct(`bob.${ZONE}`)).endpoints, [at(5)]);
  });

  it('killed again and again, a node registers each time -> its address is the same', async () => {
    const { world, mn } = await twoNodes();
    const first = (await mn.register()).addresses;
    for (let i = 0; i < 3; i++) {
      await world.crashCoordinator();
      assert.deepEqual((await mn.register()).addresses, first);
    }
  });
});

const stored = (n: number): StoredSession => {
  const key = new Uint8Array(32).fill(n);
  return { fqdn: `n${n}.z`, publicKey: key, key, notificationKey: key, usedMs: 0, location: null };
};

/** A store whose writes take 10 ms, or fail. */
function slowStore(time: VirtualTime) {
  const written: (readonly SessionChange[])[] = [];
  const state = { full: false };
  const store: SessionStore = {
    ...memoryStore().sessions,
    write: (_, changes) =>
      new Promise((resolve, reject) =>
        time.schedule(10, () => {
          if (state.full) return reject(new Error('database or disk is full'));
          written.push(changes);
          resolve();
        }),
      ),
  };
  return { written, state, keeper: new SessionKeeper(store, 'z', { clock: time, timers: time }) };
}

describe('sessions on their way to disk', () => {
  it('many at once -> one transaction; those that come meanwhile -> the next', async () => {
    const time = new VirtualTime();
    const { written, keeper } = slowStore(time);
    const first = [1, 2, 3].map((n) => keeper.keep(stored(n)));
    await pass(time, 5);
    const second = [4, 5].map((n) => keeper.keep(stored(n)));
    await settle(time, Promise.all([...first, ...second]));
    assert.deepEqual(
      written.map((changes) => changes.length),
      [3, 2],
    );
  });

  it('disk full: a key -> refused, and said; room again -> what waited behind is written', async () => {
    const time = new VirtualTime();
    const { written, state, keeper } = slowStore(time);
    state.full = true;
    keeper.later('n1.z', () => ({ kind: 'ended', fqdn: 'n1.z', key: stored(1).key }));
    await assert.rejects(settle(time, keeper.keep(stored(2))), /full/);
    assert.match(keeper.failure ?? '', /sessions cannot be written: database or disk is full/);
    state.full = false;
    await pass(time, 2_000);
    assert.deepEqual([keeper.failure, written.flat().map(({ kind }) => kind)], [undefined, ['ended']]);
  });

  it('closed with something behind -> it is written first', async () => {
    const time = new VirtualTime();
    const { written, keeper } = slowStore(time);
    keeper.later('n1.z', () => ({ kind: 'ended', fqdn: 'n1.z', key: stored(1).key }));
    await settle(time, keeper.close());
    assert.equal(written.length, 1);
    assert.equal(time.pendingCount, 0);
  });

  it('a DC whose disk is full: a login -> unavailable, and the session of before stays', async () => {
    const { world, mn } = await twoNodes();
    const { write } = world.store.sessions;
    world.store.sessions.write = () => Promise.reject(new Error('disk is full'));
    await assert.rejects(new SimulatedNode(world, 'alice', at(3)).login(), { refusal: 'unavailable' });
    await mn.keepAlive();
    world.store.sessions.write = write;
    assert.equal(world.dc.signalling.holderOf(sharedKey(mn.dc!.key.key, 1).id)?.name, `alice.${ZONE}`);
  });
});
