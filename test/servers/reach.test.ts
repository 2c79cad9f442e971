/** What nodes have found out about themselves, and what their DCs make of it: whole servers on virtual time. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Endpoint } from '../../core/wire/addresses';
import type { Body } from '../../core/wire/messages';
import { pass } from '../support/memory-datagrams';
import { closeWorld, WorldNode } from '../support/node-world';
import { OTHER_ZONE, ports, ServerWorld } from '../support/server-world';
import { SimulatedNode } from '../support/simulated-node';

type Reach = NonNullable<Body<'registrationRequest'>['reach']>;

const at = (n: number): Endpoint => ({ address: `203.0.113.${n}`, port: 4000 + n });
const RS = { name: 'rs.ntm.test', endpoints: [ports.rs] };
const hidden: Reach = { reachable: false, mapping: 'independent' };
const symmetric: Reach = { reachable: false, mapping: 'dependent' };
const behindNat = (n: number): Endpoint[] => [{ address: `192.168.${n}.2`, port: 4000 }];

async function node(world: ServerWorld, account: string, n: number, host: Endpoint[], reach?: Reach) {
  const joining = new SimulatedNode(world, account, at(n));
  await joining.login();
  await joining.registerForNotifications(await joining.register(host, reach));
  return joining;
}

describe('what nodes know of themselves', () => {
  it('an RS is there: a node registers -> it is told where; none -> nothing', async () => {
    const withRs = await ServerWorld.start({ withRelay: 'named' });
    assert.deepEqual((await node(withRs, 'alice', 1, [at(1)])).registration?.relays, [RS]);
    const without = await ServerWorld.start();
    assert.equal((await node(without, 'alice', 1, [at(1)])).registration?.relays, undefined);
  });

  it('both hidden: one asks for the other -> a relay, and where to look for the other, and how its NAT maps', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    const outside = [{ address: '198.51.100.7', port: 77 }];
    const mn = await node(world, 'alice', 1, behindNat(1), { ...hidden, outside });
    const cn = await node(world, 'bob', 2, behindNat(2), symmetric);
    const towardsCn = await mn.direct('bob.ntm.test');
    assert(towardsCn.relay);
    assert.deepEqual([towardsCn.endpoints, towardsCn.mapping], [[at(2)], 'dependent']);
    const [towardsMn] = cn.directions;
    assert.deepEqual([towardsMn?.endpoints, towardsMn?.mapping], [[at(1), ...outside], 'independent']);
    assert.deepEqual([towardsCn.turn, towardsMn?.turn], ['request', 'await']);
  });

  it('no NAT, but behind firewalls -> a relay; not said yet -> direct, as in the paper', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    const mn = await node(world, 'alice', 1, [at(1)], hidden);
    const cn = await node(world, 'bob', 2, [at(2)], hidden);
    assert((await mn.direct('bob.ntm.test')).relay);
    await cn.register([at(2)]);
    const direction = await mn.direct('bob.ntm.test');
    assert.deepEqual([direction.relay, direction.endpoints, direction.turn], [undefined, [at(2)], 'request']);
  });

  it('no RS at all, both hidden -> both send to each other at once', async () => {
    const world = await ServerWorld.start();
    const mn = await node(world, 'alice', 1, behindNat(1), hidden);
    const cn = await node(world, 'bob', 2, behindNat(2), hidden);
    const towardsCn = await mn.direct('bob.ntm.test');
    assert.deepEqual([towardsCn.turn, towardsCn.endpoints, towardsCn.relay], ['request', [at(2)], undefined]);
    assert.deepEqual([cn.directions[0]?.turn, cn.directions[0]?.endpoints], ['request', [at(1)]]);
  });

  it('an RS that does not answer any more, both hidden -> both send to each other at once', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    const mn = await node(world, 'alice', 1, behindNat(1), hidden);
    await node(world, 'bob', 2, behindNat(2), hidden);
    world.kill(world.rs, ports.rs);
    const towardsCn = await mn.direct('bob.ntm.test');
    assert.deepEqual([towardsCn.turn, towardsCn.relay], ['request', undefined]);
  });

  it('the other one is of another zone -> the same, by its DC', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    await world.startSecondZone();
    world.dns.set(`NS ${OTHER_ZONE}`, [`dc.${OTHER_ZONE}`]);
    world.dns.set(`A dc.${OTHER_ZONE}`, [ports.dc2.address]);
    const outside = [{ address: '198.51.100.7', port: 77 }];
    const mn = await node(world, 'alice', 1, behindNat(1), symmetric);
    const cn = await node(world, 'dora', 2, behindNat(2), { ...hidden, outside });
    const towardsCn = await mn.direct(`dora.${OTHER_ZONE}`);
    assert(towardsCn.relay);
    assert.deepEqual([towardsCn.endpoints, towardsCn.mapping], [[at(2), ...outside], 'independent']);
    assert.deepEqual([cn.directions[0]?.endpoints, cn.directions[0]?.mapping], [[at(1)], 'dependent']);
  });

  it('the DC was killed and knows its nodes from disk -> it knows what they had found out, too', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    const mn = await node(world, 'alice', 1, behindNat(1), hidden);
    await node(world, 'bob', 2, behindNat(2), symmetric);
    await pass(world.time, 1_000);
    await world.crashCoordinator();
    await pass(world.time, 11_000); // the RS reports itself again
    assert.equal((await mn.direct('bob.ntm.test')).mapping, 'dependent');
  });

  it('a node comes from another address -> what it had found out there is not used any more', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    const mn = await node(world, 'alice', 1, behindNat(1), hidden);
    const cn = await node(world, 'bob', 2, behindNat(2), { ...symmetric, outside: [at(77)] });
    cn.move(at(3));
    await cn.keepAlive();
    const direction = await mn.direct('bob.ntm.test');
    assert.deepEqual([direction.endpoints, direction.mapping], [[at(3)], undefined]);
  });

  it('all that a node may tell, with long addresses and names -> every message still fits', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    const long = (n: number): Endpoint => ({ address: `2001:db8:1111:2222:3333:4444:5555:${6000 + n}`, port: 50_000 });
    const reach: Reach = { ...hidden, outside: [1, 2, 3, 4, 5, 6].map((n) => long(n + 100)) };
    const mn = await node(world, 'alice', 1, [1, 2, 3, 4, 5, 6, 7, 8].map(long), reach);
    const cn = await node(world, 'bob', 2, [11, 12, 13, 14, 15, 16, 17, 18].map(long), reach);
    const direction = await mn.direct('bob.ntm.test');
    assert(direction.relay && direction.endpoints.length >= 6);
    assert.equal(cn.directions.length, 1);
  });
});

describe('whole nodes', () => {
  it('joins -> looks at itself beside, and has told the DC within two seconds; then it is quiet', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    const alice = new WorldNode(world, 'alice', at(1));
    await alice.join();
    const registration = () => world.dc.registrations.registered('alice.ntm.test')?.registration;
    assert.equal(registration()?.reach, undefined, 'the first registration waits for nothing');
    await pass(world.time, 2_000);
    assert.deepEqual(registration()?.reach, {
      ...{ mapping: 'independent', reachable: true, relays: [{ name: RS.name, rttMs: 2 }] },
    });
    const { answered } = world.rs.stun;
    await pass(world.time, 600_000);
    assert.equal(world.rs.stun.answered, answered);
    assert(answered <= 4, `${answered}`);
    await closeWorld(world, alice);
  });

  it('its host moves behind a NAT -> the DC knows what it is like there', async () => {
    const world = await ServerWorld.start({ withRelay: 'named' });
    const alice = new WorldNode(world, 'alice', at(1));
    await alice.join();
    await pass(world.time, 2_000);
    const isOutside = (port: number): boolean => port === 10_000 + ports.rs.port;
    world.network.lose = (_, from) => isOutside(from.port);
    alice.move(at(5), '10.0.0.2');
    await pass(world.time, 5_000);
    const reach = world.dc.registrations.registered('alice.ntm.test')?.registration.reach;
    assert.deepEqual([reach?.reachable, reach?.mapping, reach?.outside], [false, 'independent', [at(5)]]);
    await closeWorld(world, alice);
  });
});
