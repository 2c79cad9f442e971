import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseCachedPorts } from '../../core/cached-ports';
import { parseInboundRules } from '../../core/inbound-rules';
import { parsePolicy } from '../../servers/coordinator/policy';
import { settle, pass } from '../support/memory-datagrams';
import { WorldNode } from '../support/node-world';
import { ServerWorld } from '../support/server-world';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });
const cachedPorts = parseCachedPorts('5683,9000-9010');

async function absentBob(bobs: object = { cachedPorts }) {
  const world = await ServerWorld.start({ withCache: true });
  const alice = new WorldNode(world, 'alice', at(1), 'auto', undefined, undefined, undefined, { cachedPorts });
  const away = new WorldNode(world, 'bob', at(2));
  await away.join();
  await alice.join();
  const bob = away.restarted(bobs);
  await pass(world.time, 10);
  const { ipv4, ipv6 } = await settle(world.time, alice.node.lookup(bob.fqdn));
  const store = (text: string, port = 5683, address = ipv4) =>
    settle<unknown>(
      world.time,
      alice.node.cacheDatagram(Buffer.from(text), 1234, { address, port }) ?? Promise.resolve('not'),
    );
  /** A program binds the port. */
  const bind = (port: number, { hasRoom = (): boolean => true, address = '::' } = {}) => {
    const seen: string[] = [];
    const received = (bytes: Uint8Array, from: { address: string; port: number }): boolean => {
      if (!hasRoom()) return false;
      seen.push(`${Buffer.from(bytes).toString()} from ${from.address} ${from.port}`);
      return true;
    };
    const socket = bob.node.openUdp({ address, port }, { received, failed() {} });
    return { seen, socket };
  };
  const own = alice.node.addresses!;
  return { world, alice, bob, store, bind, own, ipv6 };
}

describe('datagrams by way of the cache', () => {
  it('stored for an absent node: it joins, and its program binds the port -> received in order, from the sender', async () => {
    const { world, alice, bob, store, bind, own, ipv6 } = await absentBob();
    for (const text of ['one', 'two', 'three']) await store(text);
    await store('six', 9000, ipv6);
    await bob.join();
    const { seen } = bind(5683);
    await pass(world.time, 1_000);
    assert.deepEqual(
      seen,
      ['one', 'two', 'three'].map((text) => `${text} from ${own.ipv4} 1234`),
    );
    assert.equal(bob.node.nameOf(own.ipv4), alice.fqdn);
    assert.deepEqual(bind(9000).seen, []);
    await pass(world.time, 1_000);
    assert.deepEqual(bind(9001).seen, []);
    assert.equal(world.cs.usage.items, 0);
  });

  it('another port than NTMOBILE_CACHE names: -> not stored', async () => {
    const { store, world } = await absentBob();
    assert.equal(await store('x', 53), 'not');
    assert.equal(world.cs.stored, 0);
  });

  it('the receiver does not name the port, or none: -> what is stored stays where it is', async () => {
    for (const bobs of [{}, { cachedPorts: parseCachedPorts('9000') }]) {
      const { world, bob, store, bind } = await absentBob(bobs);
      await store('x');
      await bob.join();
      const { seen } = bind(5683);
      await pass(world.time, 10_000);
      assert.deepEqual([seen, world.cs.usage.items], [[], 1]);
    }
  });

  it('an inbound rule of the receiver does not let the sender in -> refused, counted, not received', async () => {
    const allow = parseInboundRules('carol.*:5683');
    const { world, bob, store, bind } = await absentBob({ cachedPorts, allow });
    await store('x');
    await bob.join();
    const { seen } = bind(5683);
    await pass(world.time, 1_000);
    assert.deepEqual(seen, []);
    assert.deepEqual([...bob.node.cache.postbox.drops], [['refused', 1]]);
    assert.deepEqual([...world.cs.ended], [['refused', 1]]);
  });

  it('the policy of the network permits other ports, or nothing -> not received; not even stored', async () => {
    const { world, alice, bob, store, bind } = await absentBob();
    const permit = (ports: string[]): void => {
      const from = ports.length > 0 ? 'alice.*' : 'carol.*';
      const rules = [{ from, to: 'bob.*', ports: ports.length > 0 ? ports : ['*'] }];
      world.dc.permissions.change(parsePolicy(JSON.stringify({ rules }), 'policy'));
    };
    permit(['9000/udp']);
    await store('to a port that is not permitted');
    await store('to one that is', 9000);
    await pass(world.time, 6_000);
    permit([]);
    const put = settle(world.time, alice.node.cache.items.put(bob.fqdn, 'x'));
    await assert.rejects(put, (error: { code?: string }) => error.code === 'NTM_NOT_ALLOWED');
    await bob.join();
    const [other, permitted] = [bind(5683), bind(9000)];
    await pass(world.time, 1_000);
    assert.deepEqual([other.seen.length, permitted.seen.length], [0, 1]);
    assert.deepEqual([...bob.node.cache.postbox.drops], [['refused', 1]]);
  });

  it('the program has no room, and has it later -> received then, once', async () => {
    const { world, bob, store, bind } = await absentBob();
    await store('one');
    await store('two');
    await bob.join();
    let room = 1;
    const { seen } = bind(5683, { hasRoom: () => room-- > 0 });
    await pass(world.time, 1_000);
    assert.equal(seen.length, 1);
    room = 5;
    await pass(world.time, 10_000);
    assert.deepEqual(
      seen.map((line) => line.split(' ')[0]),
      ['one', 'two'],
    );
  });

  it('more than a megabyte waits to be stored -> the rest is refused', async () => {
    const { world, alice, store } = await absentBob();
    const { ipv4 } = await settle(world.time, alice.node.lookup(`bob.ntm.test`));
    const big = new Uint8Array(60_000);
    const all = Array.from({ length: 20 }, () => alice.node.cacheDatagram(big, 1, { address: ipv4, port: 5683 })!);
    const outcomes = await settle(world.time, Promise.allSettled(all));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 17);
    await store('and later there is room again');
  });

  it('a tunnel is there, and the receiver leaves: sent -> stored once it is noticed, received when it is back', async () => {
    const { world, alice, bob, bind, own } = await absentBob();
    await bob.join();
    const { seen } = bind(5683);
    const { ipv4 } = bob.node.addresses!;
    await pass(world.time, 1_100); // until then, alice remembers that he was away
    const to = { address: ipv4, port: 5683 };
    await settle(world.time, alice.node.reach(ipv4, 'perhaps silent') ?? Promise.resolve());
    const sender = alice.node.openUdp({ address: '0.0.0.0', port: 1234 }, { received() {}, failed() {} });
    sender.send(Buffer.from('there'), to);
    await pass(world.time, 20_000);
    assert.deepEqual(seen, [`there from ${own.ipv4} 1234`]);
    const next = bob.restarted({ cachedPorts });
    sender.send(Buffer.from('away'), to);
    await pass(world.time, 3_000);
    sender.send(Buffer.from('still away'), to);
    await pass(world.time, 20_000);
    sender.send(Buffer.from('known to be away'), to);
    await pass(world.time, 100);
    assert.equal(world.cs.usage.items, 3);
    await next.join();
    const received: string[] = [];
    const events = { received: (bytes: Uint8Array) => received.push(Buffer.from(bytes).toString()), failed() {} };
    next.node.openUdp({ address: '0.0.0.0', port: 5683 }, events);
    await pass(world.time, 1_000);
    assert.deepEqual(received, ['away', 'still away', 'known to be away']);
  });

  it('NTMOBILE_CACHE that names no port -> NTM_CONFIG names what is wrong', () => {
    for (const setting of ['0', '70000', '9-1', 'http', '5683,x'])
      assert.throws(() => parseCachedPorts(setting), /NTMOBILE_CACHE `[^`]+` is no port/);
    const ports = parseCachedPorts([5683, '9000-9010']);
    assert.deepEqual(
      [5683, 9000, 9010, 5684, 8999].map((port) => ports.has(port)),
      [true, true, true, false, false],
    );
  });
});
