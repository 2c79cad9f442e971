/** Tunnels through relay servers, between whole nodes on virtual time. */
import assert from 'node:assert/strict';
import { RELAY_HINT_MAGIC, RELAY_MAGIC, relayHint } from '../../../core/wire/relay-frame';
import { pass, settle } from '../../support/memory-datagrams';
import { closeWorld, isAnsweredIn, WorldNode, type Dialog } from '../../support/node-world';
import { ports, ServerWorld } from '../../support/server-world';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });

describe('a tunnel through a relay server', () => {
  let world: ServerWorld;
  let alice: WorldNode;
  let bob: WorldNode;
  let dialog: Dialog;

  async function begin(route: 'auto' | 'relay' = 'relay'): Promise<void> {
    world = await ServerWorld.start({ withRelay: true });
    alice = new WorldNode(world, 'alice', at(1), route);
    bob = new WorldNode(world, 'bob', at(2));
    bob.echo(80);
    await bob.join();
    await alice.join();
    dialog = await alice.connect(bob, 80);
  }

  afterEach(() => closeWorld(world, alice, bob));

  const isAnswered = (text: string, withinMs: number) => isAnsweredIn(world, dialog, text, withinMs);

  const wayOf = (node: WorldNode): string[] => node.node.statistics().tunnels.map(({ path }) => path);

  it('one side wants a relay: connects -> every datagram of the tunnel goes through the RS', async () => {
    await begin();
    let straight = 0;
    world.network.lose = (_, from, to) => {
      if ([from, to].every(({ address }) => address.startsWith('203.'))) straight++;
      return false;
    };
    await isAnswered('hello', 100);
    assert.equal(straight, 0);
    assert(world.rs.paths.forwardedPackets >= 8, `${world.rs.paths.forwardedPackets} packets`);
    assert.deepEqual([...wayOf(alice), ...wayOf(bob)], Array(2).fill('relay 192.0.2.1:4'));
    assert.deepEqual([...world.rs.paths.drops], []);
  });

  it('first contact: the Tunnel Request finds the other side bound -> no datagram is lost or repeated', async () => {
    await begin();
    const retries = world.trace.filter((event) => 'retry' in event);
    assert.deepEqual(retries, []);
    assert.equal(world.rs.paths.drops.get('other side unbound'), undefined);
  });

  it('no traffic: ten minutes later -> the path is there still', async () => {
    await begin();
    await pass(world.time, 600_000);
    await isAnswered('still there', 100);
    assert.equal(world.rs.paths.size, 1);
  });

  it('both sides leave -> the path ends at once', async () => {
    await begin();
    alice.node.close();
    bob.node.close();
    await pass(world.time, 10);
    assert.equal(world.rs.paths.size, 0);
  });

  it('one side vanishes: minutes later -> the other has let go of the path, and the RS forgets it', async () => {
    await begin();
    world.network.lose = (_, ...ends) => ends.some(({ address }) => address === at(2).address);
    await pass(world.time, 600_000);
    assert.equal(world.rs.paths.size, 0);
  });

  it('the NAT gives one side another port: traffic goes on -> bound again by the hint', async () => {
    await begin();
    world.network.rename(at(1), { address: at(1).address, port: 9_999 });
    await isAnswered('from elsewhere', 1_000);
  });

  it('RS drains: another one is there -> both nodes go there, nothing is lost, and the first is empty', async () => {
    await begin();
    const second = await world.startSecondRelay();
    await isAnswered('before', 100);
    const drained = world.rs.drain(30_000);
    await isAnswered('while draining', 1_500);
    assert(second.paths.forwardedPackets > 0, 'the second RS carries it');
    const startMs = world.time.now();
    await settle(world.time, drained);
    assert(world.time.now() - startMs < 5_000, `drained in ${world.time.now() - startMs} ms`);
    assert.equal(world.rs.paths.size, 0);
    await isAnswered('after', 100);
    assert.deepEqual([...world.rs.paths.drops], []);
    await pass(world.time, 60_000);
    assert.deepEqual([world.rs.paths.size, second.paths.size], [0, 1]);
  });

  it('RS killed: another one is there -> the connection goes on within seconds', async () => {
    await begin();
    const second = await world.startSecondRelay();
    await isAnswered('before', 100);
    world.kill(world.rs, ports.rs);
    await isAnswered('after', 8_000);
    assert(second.paths.forwardedPackets > 0);
  });

  it('RS killed and none other there: it is started again later -> the connection goes on', async () => {
    await begin();
    await isAnswered('before', 100);
    world.kill(world.rs, ports.rs);
    dialog.say('patience');
    await pass(world.time, 30_000);
    assert.equal(dialog.failure, undefined);
    await world.startSecondRelay();
    await pass(world.time, 20_000);
    assert.equal(dialog.text, 'beforepatience');
  });

  it('RS restarts, and so knows no path any more: traffic goes on -> another path within a second', async () => {
    await begin();
    await isAnswered('before', 100);
    await world.restartRelay();
    await isAnswered('after', 2_000);
  });

  it('the DC has the paths of an account ended -> the RS has none of it left', async () => {
    await begin();
    await isAnswered('before', 100);
    const [path] = [...world.rs.paths];
    await settle(world.time, world.dc.relays.releaseOf('bob.ntm.test'));
    assert(![...world.rs.paths].includes(path!));
  });

  it('strangers send hints -> they cost one sealed question each half second, and nothing is lost', async () => {
    await begin();
    const transmit = world.network.sender(ports.rs);
    const [path] = [...world.rs.paths];
    let binds = 0;
    world.network.lose = (datagram, from, to) => {
      if (datagram[0] !== RELAY_MAGIC && datagram[0] !== RELAY_HINT_MAGIC && from.port === 4001 && to.port === 4)
        binds++;
      return false;
    };
    for (let i = 0; i < 1_000; i++) {
      transmit(relayHint(path!.id), at(1));
      await pass(world.time, 1);
    }
    assert(binds >= 1 && binds <= 3, `${binds} questions`);
    await isAnswered('as before', 100);
  });
});
