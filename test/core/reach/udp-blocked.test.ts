/** Whole nodes in networks that let no UDP through, on virtual time. */
import assert from 'node:assert/strict';
import type { Endpoint } from '../../../core/wire/addresses';
import { pass } from '../../support/memory-datagrams';
import { closeWorld, isAnsweredIn, WorldNode, type Dialog } from '../../support/node-world';
import { ports, ServerWorld } from '../../support/server-world';

const at = (n: number): Endpoint => ({ address: `203.0.113.${n}`, port: 4000 + n });

describe('a network that lets no UDP through', () => {
  let world: ServerWorld;
  let nodes: WorldNode[];
  /** By their addresses. */
  let blocked: Set<string>;
  /** UDP datagrams that got through, of nodes that are blocked or not. */
  let passed: Endpoint[];

  beforeEach(async () => {
    world = await ServerWorld.start({ withRelay: true, withTls: true });
    nodes = [];
    blocked = new Set();
    passed = [];
    world.network.lose = (_, from, to) => {
      const isLost = [from, to].some(({ address }) => blocked.has(address));
      if (!isLost) passed.push(from);
      return isLost;
    };
  });
  afterEach(() => closeWorld(world, ...nodes));

  const add = async (name: string, n: number, isBlocked: boolean, more = {}): Promise<WorldNode> => {
    if (isBlocked) blocked.add(at(n).address);
    const node = new WorldNode(world, name, at(n), 'auto', undefined, undefined, undefined, more);
    nodes.push(node);
    node.echo(80);
    await node.join();
    return node;
  };
  const wayOf = ({ account }: WorldNode): unknown =>
    world.trace.findLast(({ part, event }) => part === `node ${account}` && event === 'way changed')?.['way'];
  const pathsOf = (node: WorldNode): string[] => node.node.statistics().tunnels.map(({ path }) => path);
  const relayed = `relay ${ports.rs.address}:${ports.rs.port}`;
  const talk = (dialog: Dialog, text: string, withinMs = 200) => isAnsweredIn(world, dialog, text, withinMs);

  it('logs in -> over TLS, in the time of three tries by UDP; and is registered as one that UDP does not reach', async () => {
    const began = world.time.now();
    const alice = await add('alice', 1, true);
    assert(world.time.now() - began < 1_500, `${world.time.now() - began} ms`);
    assert.equal(wayOf(alice), 'tls');
    assert.equal(world.dc.registrations.registered(alice.fqdn)?.registration.observed.stream, true);
    assert.equal(alice.failures.length, 0);
  });

  it('UDP passes -> no TLS connection is made, ever', async () => {
    const alice = await add('alice', 1, false);
    const bob = await add('bob', 2, false);
    await talk(await alice.connect(bob, 80), 'hello');
    await pass(world.time, 600_000);
    assert.deepEqual(
      [ports.as, ports.dc, ports.rs].map((server) => world.tls.sizeAt(server)),
      [0, 0, 0],
    );
  });

  it('blocked dials a node with UDP, and is dialled by one -> through the RS, TLS on one side and UDP on the other', async () => {
    const alice = await add('alice', 1, true);
    const bob = await add('bob', 2, false);
    const carol = await add('carol', 3, false);
    await talk(await alice.connect(bob, 80), 'from behind');
    await talk(await carol.connect(alice, 80), 'to there');
    assert.deepEqual(pathsOf(alice), [relayed, relayed]);
    assert(!passed.some(({ address }) => address === at(1).address));
    assert.equal(world.tls.sizeAt(ports.rs), 1);
  });

  it('two that are blocked -> through the RS, TLS on both sides', async () => {
    const alice = await add('alice', 1, true);
    const bob = await add('bob', 2, true);
    const text = 'x'.repeat(20_000);
    await talk(await alice.connect(bob, 80), text, 3_000);
    assert.equal(world.tls.sizeAt(ports.rs), 2);
    assert.deepEqual(world.tls.drops(), []);
  });

  it('half an hour of silence -> it is reached still', async () => {
    const alice = await add('alice', 1, true);
    const bob = await add('bob', 2, false);
    await pass(world.time, 1_800_000);
    await talk(await bob.connect(alice, 80), 'still there');
  });

  it('UDP passes again -> a trial finds it, the DC is told, and the tunnel is directed anew: straight', async () => {
    const alice = await add('alice', 1, true);
    const bob = await add('bob', 2, false);
    const dialog = await alice.connect(bob, 80);
    await talk(dialog, 'hello');
    blocked.clear();
    await pass(world.time, 65_000);
    assert.equal(wayOf(alice), 'udp');
    assert.deepEqual(world.dc.registrations.registered(alice.fqdn)?.registration.observed, at(1));
    await talk(dialog, 'straight now');
    assert.deepEqual(pathsOf(alice), [`${at(2).address}:${at(2).port}`]);
    assert.deepEqual(
      [ports.as, ports.dc, ports.rs].map((server) => world.tls.sizeAt(server)),
      [0, 0, 0],
    );
  });

  it('it moves to a network that lets UDP through, and back -> UDP at once, then TLS; the connection goes on', async () => {
    const alice = await add('alice', 1, true);
    const bob = await add('bob', 2, false);
    const dialog = await alice.connect(bob, 80);
    await talk(dialog, 'hello');
    alice.move(at(4));
    await pass(world.time, 2_000);
    await talk(dialog, 'by UDP', 1_000);
    assert.deepEqual(pathsOf(alice), [`${at(2).address}:${at(2).port}`]);
    alice.move(at(1));
    await pass(world.time, 5_000);
    await talk(dialog, 'by TLS', 5_000);
    assert.deepEqual(pathsOf(alice), [relayed]);
    assert.equal(wayOf(alice), 'tls');
  });

  it('UDP is blocked while it talks -> it is over TLS before its keep alive is given up, and the connection goes on', async () => {
    const alice = await add('alice', 1, false);
    const bob = await add('bob', 2, false);
    const dialog = await alice.connect(bob, 80);
    await talk(dialog, 'hello');
    blocked.add(at(1).address);
    dialog.say('into the void');
    await pass(world.time, 60_000);
    assert.equal(wayOf(alice), 'tls');
    assert(dialog.text.endsWith('into the void'), 'the connection has survived');
    assert.equal(alice.failures.length, 0);
  });

  it('the RS ends its connections -> it is bound again at once, over another one', async () => {
    const alice = await add('alice', 1, true);
    const bob = await add('bob', 2, false);
    const dialog = await alice.connect(bob, 80);
    await talk(dialog, 'hello');
    const { binds } = world.rs;
    world.tls.drop(ports.rs);
    await pass(world.time, 20);
    assert.equal(world.rs.binds, binds + 1);
    await talk(dialog, 'hello again');
  });

  it('the DC ends its connections -> the node comes back by itself, and can be dialled', async () => {
    const alice = await add('alice', 1, true);
    const bob = await add('bob', 2, false);
    world.tls.drop(ports.dc);
    await pass(world.time, 2_000);
    assert.equal(world.tls.sizeAt(ports.dc), 1);
    await talk(await bob.connect(alice, 80), 'there');
    assert(!world.trace.some(({ part, event }) => part === 'node alice' && event === 'lost'));
  });

  it('NTMOBILE_UDP=off where UDP passes -> TLS alone, from the first datagram', async () => {
    const alice = await add('alice', 1, false, { udp: 'off' });
    const bob = await add('bob', 2, false);
    await talk(await alice.connect(bob, 80), 'hello');
    await pass(world.time, 200_000);
    assert(!passed.some(({ address }) => address === at(1).address));
    assert.deepEqual(world.dc.registrations.registered(alice.fqdn)?.registration.host, []);
  });

  it('no server takes TLS -> the error says what it said before, and no sooner or later', async () => {
    world.tls.closeAll();
    for (const server of [ports.as, ports.dc, ports.rs]) world.tls.close(server);
    blocked.add(at(1).address);
    const alice = new WorldNode(world, 'alice', at(1));
    nodes.push(alice);
    await assert.rejects(alice.join(), { code: 'NTM_AS_UNREACHABLE' });
  });
});
