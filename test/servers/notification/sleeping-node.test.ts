import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { PushAddress } from '../../../core/push-address';
import type { PushOutcome } from '../../../servers/notification/push/pusher';
import { memoryStore } from '../../support/memory-store';
import { pass, settle } from '../../support/memory-datagrams';
import { WorldNode } from '../../support/node-world';
import { ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';

const push: PushAddress = { kind: 'fcm', token: 'phone-of-alice' };
const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4_000 });

describe('a node that sleeps and can be pushed to', () => {
  let world: ServerWorld;
  let pushed: string[];
  let onPush: () => void;
  let answer: PushOutcome;
  let answerMs = 0;
  let phone: SimulatedNode;
  let caller: WorldNode;
  const store = memoryStore();

  async function start(): Promise<void> {
    pushed = [];
    onPush = () => {};
    answer = { kind: 'accepted' };
    answerMs = 0;
    const fcm = {
      send: async (token: string) => {
        pushed.push(token);
        onPush();
        if (answerMs > 0) await new Promise<void>((resolve) => void world.time.schedule(answerMs, resolve));
        return answer;
      },
      close() {},
    };
    world = await ServerWorld.start({ notification: { push: { fcm }, store: store.pushes } });
    phone = new SimulatedNode(world, 'alice', at(1));
    await phone.join(push);
    caller = new WorldNode(world, 'bob', at(2));
    await caller.join();
  }

  /** As a phone's process that is suspended: nothing is sent or read any more. */
  function sleep(): void {
    phone.vanish();
  }

  /** The system runs it for the push message, and it finds itself where it is now. */
  function wakeAfter(ms: number): void {
    onPush = () => void world.time.schedule(ms, () => void phone.returnTo(at(3)));
  }

  const dial = () =>
    settle(
      world.time,
      caller.node.lookup(`alice.${ZONE}`).then(() => world.time.now()),
    );

  afterEach(() => {
    caller.node.close();
    world.close();
  });

  it('dialled: it takes seven seconds to wake up -> found, by one message', async () => {
    await start();
    sleep();
    wakeAfter(7_000);
    await pass(world.time, 1_000);
    const since = world.time.now();
    await dial();
    assert(world.time.now() - since < 10_000);
    assert.deepEqual(pushed, ['phone-of-alice']);
    assert.equal(phone.directions.length, 1);
  });

  it('its registration is long over: dialled -> found all the same', async () => {
    await start();
    sleep();
    wakeAfter(3_000);
    await pass(world.time, 300_000);
    await dial();
    assert.equal(phone.directions.length, 1);
  });

  it('the NS restarted meanwhile -> found: what it pushes to is kept', async () => {
    await start();
    sleep();
    wakeAfter(3_000);
    await world.restartNotificationServer();
    await pass(world.time, 300_000);
    await dial();
    assert.deepEqual(pushed, ['phone-of-alice']);
  });

  it('the DC restarted meanwhile -> found: it knows who sleeps', async () => {
    await start();
    sleep();
    wakeAfter(3_000);
    await pass(world.time, 200_000); // its registration is over
    await world.crashCoordinator();
    await pass(world.time, 60_000);
    await dial();
    assert.deepEqual(pushed, ['phone-of-alice']);
  });

  it('it never wakes up: dialled -> absent after half a minute, which says that it was woken in vain', async () => {
    await start();
    sleep();
    const since = world.time.now();
    const [outcome] = await Promise.allSettled([settle(world.time, caller.node.reach('198.18.0.1')!)]);
    assert.match(String(outcome.status === 'rejected' && outcome.reason), /asleep/);
    const tookMs = world.time.now() - since;
    assert(tookMs > 29_000 && tookMs < 36_000, `${tookMs} ms`);
    assert.equal(pushed.length, 1);
  });

  it('its token is dead: dialled -> absent as soon as that is known; not pushed to again; it is told when it is back', async () => {
    await start();
    sleep();
    answer = { kind: 'dead', reason: '410' };
    const since = world.time.now();
    for (let i = 0; i < 2; i++) {
      const [outcome] = await Promise.allSettled([settle(world.time, caller.node.reach('198.18.0.1')!)]);
      assert.match(String(outcome.status === 'rejected' && outcome.reason), /not registered now/);
      await pass(world.time, 2_000);
    }
    assert(world.time.now() - since < 8_000);
    assert.equal(pushed.length, 1);
    await settle(world.time, phone.returnTo(at(3)));
    assert.equal(phone.pushOutcome, 'dead');
    const another: PushAddress = { kind: 'fcm', token: 'another' };
    await settle(world.time, phone.registerForNotifications(phone.registration!, another));
    assert.equal(phone.pushOutcome, 'kept');
  });

  it('its token turns out to be dead while somebody waits -> they are told in that moment', async () => {
    await start();
    sleep();
    await pass(world.time, 200_000); // its registration is over
    answer = { kind: 'dead', reason: '410' };
    answerMs = 700;
    const since = world.time.now();
    await assert.rejects(settle(world.time, caller.node.reach('198.18.0.1')!), /not registered now/);
    const tookMs = world.time.now() - since;
    assert(tookMs >= 700 && tookMs < 800, `${tookMs} ms`);
  });

  it('it is connected: dialled -> notified over TCP, and nothing is pushed', async () => {
    await start();
    await dial();
    assert.deepEqual(pushed, []);
  });

  it('it deregistered -> absent at once, and is not woken', async () => {
    await start();
    phone.deregister();
    sleep();
    await pass(world.time, 100);
    await assert.rejects(settle(world.time, caller.node.reach('198.18.0.1')!), { code: 'NTM_NODE_ABSENT' });
    assert.deepEqual(pushed, []);
  });

  it('a service that the NS has no account at -> it is told', async () => {
    await start();
    await phone.registerForNotifications(phone.registration!, { kind: 'apns', token: 'ab' });
    assert.equal(phone.pushOutcome, 'unsupported');
    assert.deepEqual(await store.pushes.list(), []);
  });
});
