/** Whole nodes whose own interface carries nothing any more, which nobody says, while they have another; on virtual time. */
import assert from 'node:assert/strict';
import { sameEndpoint, type Endpoint } from '../../../core/wire/addresses';
import { pass } from '../../support/memory-datagrams';
import { closeWorld, isAnsweredIn, WorldNode, type Dialog } from '../../support/node-world';
import { ports, ServerWorld } from '../../support/server-world';
import { waysIn } from '../../support/trace-watch';

const at = (n: number): Endpoint => ({ address: `203.0.113.${n}`, port: 4000 + n });
const OTHER = at(100);

describe('an interface that falls silent', () => {
  let world: ServerWorld;
  let nodes: WorldNode[];
  let silent: Set<string>;

  beforeEach(async () => {
    nodes = [];
    silent = new Set();
  });
  afterEach(() => closeWorld(world, ...nodes));

  const start = async (withNotification: boolean, withTls = false): Promise<void> => {
    world = await ServerWorld.start({ withRelay: true, withNotification, withTls });
    await world.store.accounts.put('dave', 'hash of right', 0);
    world.network.lose = (_, from, to) => [from, to].some(({ address }) => silent.has(address));
    const connect = world.connectStream.bind(world);
    world.connectStream = (onBytes, onClose, from, to) => {
      const isSilent = (): boolean => silent.has(from);
      const stream = isSilent() ? undefined : connect((bytes) => isSilent() || onBytes(bytes), onClose, from, to);
      return stream && { ...stream, write: (bytes) => void (isSilent() || stream.write(bytes)) };
    };
  };
  const add = async (name: string, n: number, more = {}): Promise<WorldNode> => {
    const node = new WorldNode(world, name, at(n), 'auto', undefined, undefined, undefined, more);
    nodes.push(node);
    node.echo(80);
    if (name === 'alice') node.addInterface(OTHER);
    await node.join();
    return node;
  };
  const talk = (dialog: Dialog, text: string, withinMs = 200) => isAnsweredIn(world, dialog, text, withinMs);
  const talkFor = async (dialog: Dialog, ms: number): Promise<void> => {
    for (let i = 0; i < ms / 250; i++) {
      dialog.say('.');
      await pass(world.time, 250);
    }
  };
  const talking = async (more = {}): Promise<{ alice: WorldNode; dialog: Dialog }> => {
    const alice = await add('alice', 1, more);
    return { alice, dialog: await alice.connect(await add('bob', 2), 80) };
  };
  const ways = (): unknown[] => waysIn(world.trace.filter(({ part }) => part === 'node alice'));
  const seenAt = (node: WorldNode): Endpoint | undefined =>
    world.dc.registrations.registered(node.fqdn)?.registration.observed;

  it('a tunnel is in use -> the DC sees the node at the other one, which is dialled and dials; and back when it works', async () => {
    await start(true);
    const { alice, dialog } = await talking();
    const carol = await add('carol', 3);
    await talkFor(dialog, 3_000);
    silent.add(at(1).address);
    await talkFor(dialog, 3_000);
    assert.deepEqual(ways(), ['interface']);
    assert.deepEqual(seenAt(alice), OTHER);
    assert.deepEqual(alice.streamsFrom, [at(1).address, OTHER.address], 'to the NS');
    await talk(await carol.connect(alice, 80), 'to there', 1_000);
    const dave = await add('dave', 4);
    await talk(await alice.connect(dave, 80), 'from there', 1_000);
    silent.clear();
    await talkFor(dialog, 20_000);
    assert.deepEqual(ways(), ['interface', 'udp']);
    assert.deepEqual(seenAt(alice), at(1));
    assert.deepEqual(alice.streamsFrom.slice(2), [at(1).address]);
    await talk(await carol.connect(alice, 80), 'as before', 1_000);
    assert.equal(dialog.failure, undefined);
    assert.deepEqual(alice.failures, []);
  });

  it('nothing is in use -> found by what is sent to the DC now and then; dialled, it is there', async () => {
    await start(false);
    const alice = await add('alice', 1);
    const carol = await add('carol', 3);
    silent.add(at(1).address);
    await pass(world.time, 400_000);
    assert.deepEqual(ways(), ['interface']);
    assert.deepEqual(seenAt(alice), OTHER);
    await talk(await carol.connect(alice, 80), 'still there', 1_000);
    await pass(world.time, 400_000);
    await talk(await carol.connect(alice, 80), 'and again', 1_000);
  });

  it('nothing is in use, and the NS wakes the node -> found within half a minute, and so is that it works again', async () => {
    await start(true);
    const alice = await add('alice', 1);
    const carol = await add('carol', 3);
    await pass(world.time, 60_000);
    silent.add(at(1).address);
    await pass(world.time, 40_000);
    assert.deepEqual(ways(), ['interface']);
    assert.deepEqual([seenAt(alice), alice.streamsFrom.at(-1)], [OTHER, OTHER.address]);
    await talk(await carol.connect(alice, 80), 'still there', 1_000);
    silent.clear();
    await pass(world.time, 70_000);
    assert.deepEqual([seenAt(alice), alice.streamsFrom.at(-1)], [at(1), at(1).address]);
  });

  it('it lets no UDP through, and TLS -> by TLS, and not by the other one', async () => {
    await start(true, true);
    const { alice, dialog } = await talking();
    await talk(dialog, 'hello');
    world.network.lose = (_, from, to) => [from, to].some(({ address }) => address === at(1).address);
    alice.node.wake();
    await pass(world.time, 10_000);
    assert.deepEqual(ways(), ['tls']);
    assert.equal(seenAt(alice)?.stream, true);
  });

  it('the other one falls silent, too, and works again -> it is reached there again', async () => {
    await start(false);
    const alice = await add('alice', 1);
    const carol = await add('carol', 3);
    silent.add(at(1).address);
    await pass(world.time, 60_000);
    silent.add(OTHER.address);
    await pass(world.time, 60_000);
    silent.delete(OTHER.address);
    await pass(world.time, 60_000);
    assert.deepEqual(seenAt(alice), OTHER);
    await talk(await carol.connect(alice, 80), 'there again', 1_000);
    silent.clear();
    await pass(world.time, 90_000);
    assert.deepEqual(seenAt(alice), at(1));
  });

  it('servers answer by the other one while the DC is silent -> it is registered there, and so is its NS', async () => {
    await start(true);
    const alice = await add('alice', 1);
    await world.store.accounts.put('alice', 'hash of another', 0); // the session stays that of before
    silent.add(at(1).address);
    const own = world.network.lose;
    const isOther = (end: Endpoint): boolean => sameEndpoint(end, OTHER);
    const isDc = (end: Endpoint): boolean => sameEndpoint(end, ports.dc);
    world.network.lose = (datagram, from, to) =>
      own(datagram, from, to) || ([from, to].some(isOther) && [from, to].some(isDc));
    alice.node.wake();
    await pass(world.time, 30_000);
    assert.deepEqual([ways(), seenAt(alice)], [['interface'], at(1)]);
    world.network.lose = own;
    await pass(world.time, 60_000);
    assert.deepEqual(seenAt(alice), OTHER);
    assert.equal(alice.streamsFrom.at(-1), OTHER.address, 'to the NS');
  });

  it('it is silent from the start -> the node logs in by the other one, and is reached there', async () => {
    await start(true);
    silent.add(at(1).address);
    const alice = await add('alice', 1);
    await pass(world.time, 3_000);
    assert.deepEqual([ways(), seenAt(alice), alice.streamsFrom.at(-1)], [['interface'], OTHER, OTHER.address]);
    await talk(await (await add('carol', 3)).connect(alice, 80), 'to there', 1_000);
  });

  it('it leaves while servers are reached by the other one -> the DC is told, by the other one', async () => {
    await start(false);
    const alice = await add('alice', 1);
    silent.add(at(1).address);
    await pass(world.time, 60_000);
    assert.deepEqual(seenAt(alice), OTHER);
    alice.node.close();
    await pass(world.time, 100);
    assert.equal(seenAt(alice), undefined);
  });

  it('NTMOBILE_STANDBY=off -> nothing leaves by the other', async () => {
    await start(true);
    const { dialog } = await talking({ standby: 'off' });
    const from = new Set<string>();
    const { lose } = world.network;
    world.network.lose = (datagram, sender, to) => {
      from.add(sender.address);
      return lose(datagram, sender, to);
    };
    silent.add(at(1).address);
    await talkFor(dialog, 20_000);
    assert.equal(from.has(OTHER.address), false);
    assert.deepEqual(ways(), []);
  });

  it('the servers are away for a while, and answer late, by the other one first -> the way stays', async () => {
    await start(true);
    const { alice, dialog } = await talking();
    await talkFor(dialog, 3_000);
    const servers = [ports.as, ports.dc, ports.rs].map(({ address }) => address);
    for (const address of servers) silent.add(address);
    world.network.latencyMs = (from) => (from.address === at(1).address ? 60 : 5);
    alice.node.wake();
    await talkFor(dialog, 1_500);
    silent.clear();
    await talkFor(dialog, 10_000);
    assert.deepEqual(ways(), []);
    assert.deepEqual(seenAt(alice), at(1));
  });
});
