import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { hex } from '../../core/wire/keys';
import { messages, type Body, type Message, type MessageName } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import { Offset } from '../../core/wire/header';
import { pass, settle } from '../support/memory-datagrams';
import { ServerWorld, ZONE } from '../support/server-world';
import { SimulatedNode } from '../support/simulated-node';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });

async function twoNodes(options?: { withNotification?: boolean }) {
  const world = await ServerWorld.start(options);
  const mn = new SimulatedNode(world, 'alice', at(1));
  const cn = new SimulatedNode(world, 'bob', at(2));
  await mn.join();
  await cn.join();
  world.trace.length = 0;
  return { world, mn, cn };
}

const registrationOf = ({ local }: SimulatedNode): Message => ({
  name: 'registrationRequest',
  body: { endpoints: [local], lifetimeMs: 90_000, route: 'auto' },
});

/** Nothing reaches it; what it sends arrives. */
function cutOff({ world, local }: SimulatedNode): void {
  world.network.lose = (_, __, to) => to.address === local.address;
}

/** As nodes do it: asks again while the DC says that CN is busy. */
async function directed(mn: SimulatedNode, target: string): Promise<Body<'routeDirection'>> {
  for (;;) {
    const start = mn.world.time.now();
    try {
      return await mn.direct(target);
    } catch (error) {
      if (!(error instanceof Refused) || !/node-(busy|waking)/.test(error.refusal)) throw error;
      assert(mn.world.time.now() - start < 3_750, 'nobody waits for longer');
    }
  }
}

async function refusalOf(mn: SimulatedNode, target: string): Promise<Pick<Refused, 'refusal' | 'addresses'>> {
  const error = await directed(mn, target).then(
    () => assert.fail('directed'),
    (refused: Refused) => refused,
  );
  return { refusal: error.refusal, addresses: error.addresses };
}

describe('Figure 4, authentication', () => {
  it('unknown: login, registration, keep alives -> the steps of the paper in their order', async () => {
    const world = await ServerWorld.start();
    const node = new SimulatedNode(world, 'alice', at(1));
    const { fqdn, domains } = await node.login();
    const registration = await node.register();
    await node.keepAlive();
    await node.registerForNotifications(registration);
    node.keepNotificationsAlive();
    await pass(world.time, 5);
    assert.equal(fqdn, `alice.${ZONE}`);
    assert.deepEqual(domains, [ZONE]);
    assert.deepEqual(registration.addresses, { ipv4: '198.18.0.1', ipv6: 'fd00:1:2:1::1' });
    assert.deepEqual(registration.observed, at(1));
    assert.deepEqual(world.steps(4), [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
  });

  it('registered: logs in again -> keeps its virtual addresses', async () => {
    const world = await ServerWorld.start();
    const first = await new SimulatedNode(world, 'alice', at(1)).join();
    await new SimulatedNode(world, 'bob', at(2)).join();
    const again = await new SimulatedNode(world, 'alice', at(3)).join();
    assert.deepEqual(again.addresses, first.addresses);
  });

  it('no NS: registration -> goes on without notification', async () => {
    const world = await ServerWorld.start({ withNotification: false });
    const node = new SimulatedNode(world, 'alice', at(1));
    assert.equal((await node.join()).notification, null);
  });

  it('NS silent: registration -> goes on without notification after a second', async () => {
    const world = await ServerWorld.start();
    world.network.lose = (_, __, to) => to.port === 3;
    const node = new SimulatedNode(world, 'alice', at(1));
    const start = world.time.now();
    assert.equal((await node.join()).notification, null);
    assert(world.time.now() - start < 1100);
  });
});

describe('Figure 5, tunnel construction', () => {
  it('both registered, CN just heard of: direction request -> CN is told (12) while it is woken up (9 to 11)', async () => {
    const { world, mn } = await twoNodes();
    await mn.direct(`bob.${ZONE}`);
    await pass(world.time, 10);
    assert.deepEqual(world.steps(5), [2, 9, 12, 10, 13, 11, 15, 16]);
  });

  it('both registered, CN silent for 29 s: direction request -> the steps of the paper in their order', async () => {
    const { world, mn, cn } = await twoNodes();
    await pass(world.time, 29_000);
    await mn.keepAlive();
    world.trace.length = 0;
    const towardsMn = await mn.direct(`bob.${ZONE}`);
    await pass(world.time, 10);
    assert.deepEqual(world.steps(5), [2, 9, 10, 11, 12, 13, 15, 16]);
    const [towardsCn] = cn.directions;
    assert(towardsCn);
    assert.deepEqual([towardsMn.turn, towardsCn.turn], ['await', 'request']);
    assert.deepEqual(towardsMn.directionId, towardsCn.directionId);
    assert.deepEqual(towardsMn.presharedKey, towardsCn.presharedKey);
    assert.deepEqual(towardsMn.endpoints, [at(2)]);
    assert.deepEqual(towardsCn.endpoints, [at(1)]);
    assert.equal(hex(towardsMn.correspondent.publicKey), hex(cn.keys.publicKey));
    assert.equal(towardsCn.correspondent.fqdn, `alice.${ZONE}`);
  });

  it('both registered: both ask at once, by name and by address -> one shared key', async () => {
    const { mn, cn } = await twoNodes();
    const [one, other] = await Promise.all([mn.direct(`BOB.${ZONE}.`), cn.direct('198.18.0.1')]);
    assert.deepEqual(one.presharedKey, other.presharedKey);
    const ipv6 = await mn.direct('fd00:1:2:1::2');
    assert.equal(ipv6.correspondent.fqdn, `bob.${ZONE}`);
  });

  it('CN moved: its keep alive -> directions use the new endpoint', async () => {
    const { mn, cn } = await twoNodes();
    cn.move(at(9));
    assert.deepEqual((await cn.keepAlive()).observed, at(9));
    await mn.direct(`bob.${ZONE}`);
    assert.equal(cn.directions.length, 1);
  });

  it('no NS: direction request -> the steps without notification', async () => {
    const { world, mn } = await twoNodes({ withNotification: false });
    await mn.direct(`bob.${ZONE}`);
    await pass(world.time, 10);
    assert.deepEqual(world.steps(5), [2, 12, 13, 15, 16]);
  });

  for (const [state, prepare, withinMs] of [
    ['CN killed', (cn: SimulatedNode) => cn.vanish(), 1000],
    ['CN cut off without its TCP ending', (cn: SimulatedNode) => cn.world.network.detach(cn.local), 13_000],
  ] as const) {
    it(`${state}: direction requests -> node-absent with its addresses within ${withinMs} ms, then at once`, async () => {
      const { world, mn, cn } = await twoNodes();
      await pass(world.time, 5_000);
      if (state.startsWith('CN cut')) cn.acknowledgesNotifications = false;
      prepare(cn);
      await pass(world.time, 5);
      for (const limit of [withinMs, 10]) {
        const start = world.time.now();
        assert.deepEqual(await refusalOf(mn, `bob.${ZONE}`), {
          refusal: 'node-absent',
          addresses: { ipv4: '198.18.0.2', ipv6: 'fd00:1:2:1::2' },
        });
        assert(world.time.now() - start <= limit, `took ${world.time.now() - start} ms`);
      }
    });
  }

  it('CN is in another network, and registers there a moment after it was told -> told there at once, and MN is told where', async () => {
    const { world, mn, cn } = await twoNodes({ withNotification: false });
    cn.move(at(9));
    const beganMs = world.time.now();
    const registered = pass(world.time, 20).then(() => cn.register([at(9)]));
    const [{ endpoints }] = await Promise.all([mn.direct(`bob.${ZONE}`), registered]);
    assert.deepEqual(endpoints, [at(9)]);
    assert.equal(cn.directions.length, 1);
    assert(world.time.now() - beganMs < 100, 'sooner than the Route Direction is sent again');
  });

  it('CN does not answer for some seconds, as on a busy host: direction requests -> node-busy, each in time; then a direction', async () => {
    for (const silentMs of [1_000, 2_000, 4_000, 8_000]) {
      const { world, mn, cn } = await twoNodes();
      await pass(world.time, 5_000);
      cn.acknowledgesNotifications = false;
      cutOff(cn);
      world.time.schedule(silentMs, () => (world.network.lose = () => false));
      const start = world.time.now();
      await directed(mn, `bob.${ZONE}`);
      const tookMs = world.time.now() - start;
      assert(tookMs >= silentMs && tookMs < silentMs + 2_500, `silent for ${silentMs} ms, and it took ${tookMs} ms`);
    }
  });

  it('CN does not answer, and registers anew meanwhile -> node-busy, then a direction', async () => {
    const { world, mn, cn } = await twoNodes();
    await pass(world.time, 5_000);
    cn.stream?.close(); // so that the NS says that it is gone
    cutOff(cn);
    const outcome = assert.rejects(mn.direct(`bob.${ZONE}`), { refusal: 'node-busy' });
    await pass(world.time, 100);
    void cn.signalling.request(cn.dc!, cn.dcAt, registrationOf(cn)).catch(() => {});
    await settle(world.time, outcome);
    world.network.lose = () => false;
    await mn.direct(`bob.${ZONE}`);
  });

  it('CN has logged in, and registers two seconds later -> asked for meanwhile, it is waited for; it left: node-absent at once', async () => {
    const { world, mn } = await twoNodes();
    const carol = new SimulatedNode(world, 'carol', at(3));
    await carol.login();
    world.time.schedule(2_000, () => void carol.signalling.request(carol.dc!, carol.dcAt, registrationOf(carol)));
    const start = world.time.now();
    await directed(mn, `carol.${ZONE}`);
    assert(world.time.now() - start < 2_500);
    carol.deregister();
    await pass(world.time, 5);
    const left = world.time.now();
    assert.equal((await refusalOf(mn, `carol.${ZONE}`)).refusal, 'node-absent');
    assert(world.time.now() - left < 10);
  });

  it('NS connection of CN lost but its UDP well: direction request -> direction', async () => {
    const { world, mn, cn } = await twoNodes();
    cn.stream?.close();
    await pass(world.time, 30_000);
    await cn.keepAlive();
    await mn.direct(`bob.${ZONE}`);
    assert.equal(cn.directions.length, 1);
  });

  for (const [target, refusal] of [
    [`carol.${ZONE}`, 'node-absent'],
    [`nobody.${ZONE}`, 'no-such-name'],
    [`x.carol.${ZONE}`, 'no-such-name'],
    ['www.example.org', 'no-such-name'],
    ['198.18.31.7', 'no-such-name'],
    ['not a name', 'no-such-name'],
    [`alice.${ZONE}`, 'no-route'],
  ] as const) {
    it(`registered: direction request for ${target} -> ${refusal}`, async () => {
      const { mn } = await twoNodes();
      await assert.rejects(mn.direct(target), { refusal });
    });
  }

  it('deregistered: direction request for it -> node-absent at once; its keep alive -> not-registered', async () => {
    const { mn, cn } = await twoNodes();
    cn.deregister();
    await assert.rejects(mn.direct(`bob.${ZONE}`), { refusal: 'node-absent' });
    await assert.rejects(cn.keepAlive(), { refusal: 'not-registered' });
  });

  it('registered: 91 s without keep alive -> absent; with keep alives -> there', async () => {
    const { world, mn, cn } = await twoNodes();
    cn.acknowledgesNotifications = false;
    for (let i = 0; i < 4; i++) {
      await pass(world.time, 25_000);
      await mn.keepAlive();
    }
    await assert.rejects(mn.direct(`bob.${ZONE}`), { refusal: 'node-absent' });
    await assert.rejects(cn.keepAlive(), { refusal: 'not-registered' });
  });

  it('replaced by a newer login: the older session asks -> told that it was replaced, also unasked', async () => {
    const { world, mn } = await twoNodes();
    await new SimulatedNode(world, 'alice', at(7)).join();
    await assert.rejects(mn.keepAlive(), { refusal: 'replaced' });
    assert.deepEqual(mn.sessionEnds, ['replaced']);
  });
});

describe('lost datagrams', () => {
  const signalled: MessageName[] = [
    'configurationRequest',
    'configurationResponse',
    'loginRequest',
    'loginResponse',
    'keyDistribution',
    'keyDistributionAck',
    'registrationRequest',
    'registrationResponse',
    'notificationServiceRequest',
    'notificationServiceAck',
    'directionRequest',
    'routeDirection',
    'routeDirectionAck',
    'notificationRequest',
    'notificationAck',
  ];
  for (const name of signalled) {
    // A Route Direction goes to CN and to MN, and what CN waits comes off MN's patience.
    const times = name === 'routeDirection' ? 1 : 2;
    it(`${times} of each ${messages[name].title} lost: login and direction -> succeed all the same`, async () => {
      const world = await ServerWorld.start();
      const left = new Map<string, number>();
      world.network.lose = (datagram, from, to) => {
        if (datagram[Offset.type] !== messages[name].type) return false;
        const way = `${from.address}:${from.port} ${to.address}:${to.port}`;
        const lost = left.get(way) ?? 0;
        left.set(way, lost + 1);
        return lost < times;
      };
      const mn = new SimulatedNode(world, 'alice', at(1));
      const cn = new SimulatedNode(world, 'bob', at(2));
      await mn.join();
      await cn.join();
      const direction = await mn.direct(`bob.${ZONE}`);
      assert.deepEqual(direction.presharedKey, cn.directions[0]?.presharedKey);
      assert(left.size > 0, 'nothing was lost');
    });
  }
});
