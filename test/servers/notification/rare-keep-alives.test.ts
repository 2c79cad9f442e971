import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { pass } from '../../support/memory-datagrams';
import { WorldNode } from '../../support/node-world';
import { ports, ServerWorld } from '../../support/server-world';

const FORGET_MS = 30_000;
const MINUTE_MS = 60_000;
const behindNat = { address: '10.0.0.5', port: 4_000 };
const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4_000 });

describe('a node behind a NAT that forgets after 30 s', () => {
  let world: ServerWorld;
  const nodes: WorldNode[] = [];

  /** alice echoes behind the NAT. What she sends to the DC is counted by its kind. */
  async function start(options: Parameters<typeof ServerWorld.start>[0] = {}) {
    world = await ServerWorld.start(options);
    const nat = world.network.translate(behindNat, '198.51.100.9', FORGET_MS);
    const alice = join('alice', behindNat);
    await alice.join();
    alice.echo(80);
    await pass(world.time, 100);
    world.trace.length = 0;
    return { nat, alice };
  }

  function join(account: string, local: typeof behindNat): WorldNode {
    const node = new WorldNode(world, account, local);
    nodes.push(node);
    return node;
  }

  const received = (message: string, by = 'dc'): number =>
    world.trace.filter((e) => e.event === 'receive' && e.message === message && String(e.part).startsWith(by)).length;

  async function dial(account: string, from: number): Promise<void> {
    const bob = join(account, at(from));
    await bob.join();
    const dialog = await bob.connect(nodes[0]!, 80);
    dialog.say('hello');
    await pass(world.time, 200);
    assert.equal(dialog.text, 'hello');
  }

  afterEach(() => {
    for (const { node } of nodes.splice(0)) node.close();
    world.close();
  });

  it('connected to the NS, idle for nine minutes -> nothing was sent by UDP; dialled -> found by a notification', async () => {
    const { nat } = await start();
    const { sent, mappings } = nat;
    await pass(world.time, 9 * MINUTE_MS);
    assert.equal(nat.sent, sent);
    await dial('bob', 1);
    assert.equal(nat.mappings, mappings + 1, 'a new mapping, opened by the Notification Ack');
    assert.equal(received('Notification Ack'), 1);
  });

  it('connected to the NS, idle for an hour -> six keep alives to the DC, still registered, and dialled', async () => {
    await start();
    await pass(world.time, 60 * MINUTE_MS);
    assert.equal(received('Keep Alive'), 6);
    assert.equal(received('Keep Alive', 'ns'), 20);
    await dial('bob', 1);
  });

  it('no NS: idle for ten minutes -> keep alives hold the mapping open; dialled', async () => {
    const { nat } = await start({ withNotification: false });
    const { mappings } = nat;
    await pass(world.time, 10 * MINUTE_MS);
    assert.equal(nat.mappings, mappings);
    assert(received('Keep Alive') + received('Registration Request') >= 23);
    await dial('bob', 1);
  });

  it('the NS is killed -> the DC is asked within a second, and keep alives are frequent; it is back -> rare', async () => {
    const { nat } = await start();
    await pass(world.time, 2 * MINUTE_MS);
    const { mappings } = nat;
    world.streams = 'refused';
    world.ns.connections.close();
    await pass(world.time, 1_000);
    assert(received('Registration Request') >= 1);
    assert.equal(nat.mappings, mappings + 1);
    await pass(world.time, 5 * MINUTE_MS);
    assert.equal(nat.mappings, mappings + 1, 'held open');
    await dial('bob', 1);
    world.streams = 'well';
    await pass(world.time, 2 * MINUTE_MS);
    world.trace.length = 0;
    await pass(world.time, 9 * MINUTE_MS);
    assert(received('Keep Alive') <= 2, `${received('Keep Alive')} keep alives of two nodes`);
  });

  it('the way to the NS breaks without a word -> both sides notice: the node within 200 s, the NS within 402 s', async () => {
    const { nat } = await start();
    await pass(world.time, MINUTE_MS);
    world.streams = 'stalled';
    const { sent } = nat;
    assert.equal(world.ns.connections.size, 1);
    await pass(world.time, 201_000);
    assert(nat.sent > sent, 'registered anew');
    await pass(world.time, 201_000);
    assert.equal(world.ns.connections.size, 0);
    await dial('bob', 1);
  });

  it('the Notification Ack is lost -> the notification is repeated, and the node found', async () => {
    await start();
    await pass(world.time, MINUTE_MS);
    let lost = 0;
    world.network.lose = (_, from, to) => from.address === '198.51.100.9' && to.port === ports.dc.port && lost++ === 0;
    await dial('bob', 1);
    assert(lost >= 2);
  });

  it('the host slept: the wall clock is far ahead -> registered anew within seconds', async () => {
    await start();
    await pass(world.time, 2 * MINUTE_MS);
    world.time.jumpWallTime(8 * 3_600_000);
    await pass(world.time, 6_000);
    assert.equal(received('Registration Request'), 1);
    await pass(world.time, MINUTE_MS);
    assert.equal(received('Registration Request'), 1, 'once');
  });

  it('the DC restarts and knows nobody -> the NS tells its nodes, who log in within half a minute', async () => {
    const { alice } = await start();
    await pass(world.time, 2 * MINUTE_MS);
    await world.crashCoordinator('forgetful');
    await pass(world.time, 30_000);
    assert.equal(received('Login Request', 'as'), 1);
    assert(world.dc.registrations.registered(alice.fqdn));
    await dial('bob', 1);
  });

  it('the DC restarts, and knows its nodes -> they register anew within half a minute; dialled', async () => {
    await start();
    await pass(world.time, 2 * MINUTE_MS);
    await world.crashCoordinator();
    await pass(world.time, 30_000);
    assert.equal(received('Login Request', 'as'), 0);
    assert(received('Registration Request') >= 1);
    await dial('bob', 1);
  });

  it('the NS restarts -> its node is connected again within seconds', async () => {
    await start();
    await world.restartNotificationServer();
    await pass(world.time, 5_000);
    assert.equal(world.ns.connections.size, 1);
    world.trace.length = 0;
    await pass(world.time, 9 * MINUTE_MS);
    assert(received('Keep Alive') <= 1);
    await dial('bob', 1);
  });
});
