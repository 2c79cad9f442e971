/** Whole nodes of two zones whose hosts change their network, on virtual time (Figure 7). */
import assert from 'node:assert/strict';
import { figureOf } from '../../../core/wire/figures';
import { pass } from '../../support/memory-datagrams';
import { closeWorld, isAnsweredIn, WorldNode, type Dialog } from '../../support/node-world';
import { differences, type Traces } from '../../support/paper-steps';
import { OTHER_ZONE, ports, ServerWorld, ZONE } from '../../support/server-world';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });
const PRIVATE = '10.0.0.2';
/** Longer than a DC remembers another. */
const FORGOTTEN_MS = 301_000;

describe('a node whose host changes its network', () => {
  let world: ServerWorld;
  let mn: WorldNode;
  let cn: WorldNode;
  let dialog: Dialog;

  beforeEach(async () => {
    world = await ServerWorld.start({ withRelay: true });
    await world.startSecondZone();
    world.dns.set(`NS ${OTHER_ZONE}`, [`dc.${OTHER_ZONE}`]);
    world.dns.set(`A dc.${OTHER_ZONE}`, [ports.dc2.address]);
    mn = new WorldNode(world, 'alice', at(1));
    cn = new WorldNode(world, 'dora', at(2), 'auto', OTHER_ZONE, PRIVATE);
    cn.echo(80);
    await cn.join();
    await mn.join();
    dialog = await mn.connect(cn, 80);
    await isAnswered('hello');
  });
  afterEach(() => closeWorld(world, mn, cn));

  const isAnswered = (text: string, withinMs = 1_000) => isAnsweredIn(world, dialog, text, withinMs);

  const wayOf = (node: WorldNode): string =>
    node.node
      .statistics()
      .tunnels.map(({ path }) => path)
      .join();
  const relayed = `relay ${ports.rs.address}:${ports.rs.port}`;

  function traces(): Traces {
    const of = (part: string) => world.trace.filter((event) => event.part === part);
    return {
      ...{
        MN: of('node alice'),
        CN: of('node dora'),
        AS: of('as'),
        DC_MN: of(`dc ${ZONE}`),
        DC_CN: of(`dc ${OTHER_ZONE}`),
      },
      ...{ NS_MN: of(`ns.${ZONE}`), NS_CN: of(`ns.${OTHER_ZONE}`), RS: of(`rs.${ZONE}`) },
    };
  }

  it('talking directly: moves behind a NAT -> all steps of Figure 7 in order, and the connection goes on by the RS', async () => {
    await pass(world.time, FORGOTTEN_MS);
    world.trace.length = 0;
    mn.move(at(5), PRIVATE);
    await isAnswered('from behind a NAT', 2_000);
    assert.deepEqual(differences(figureOf(7), traces()), []);
    assert.deepEqual([wayOf(mn), wayOf(cn)], [relayed, relayed]);
  });

  it('by the RS: moves to where it can be reached -> the tunnel is direct again', async () => {
    mn.move(at(5), PRIVATE);
    await isAnswered('from behind a NAT', 2_000);
    mn.move(at(6));
    await isAnswered('from everywhere', 2_000);
    assert.deepEqual([wayOf(mn), wayOf(cn)], ['203.0.113.2:4002', '203.0.113.6:4006']);
  });

  it('by the RS: CN moves, too, and its DC has no RS -> the path is bound anew, and the connection goes on', async () => {
    mn.move(at(5), PRIVATE);
    await isAnswered('from behind a NAT', 2_000);
    cn.move(at(7), '10.0.0.3');
    await isAnswered('both have moved', 2_000);
    assert.deepEqual([wayOf(mn), wayOf(cn)], [relayed, relayed]);
  });

  it('moved: another node dials it -> it is woken through its new connection to the NS', async () => {
    mn.move(at(5), PRIVATE);
    await isAnswered('from behind a NAT', 2_000);
    mn.echo(81);
    const bob = new WorldNode(world, 'bob', at(8));
    await bob.join();
    world.trace.length = 0;
    await bob.connect(mn, 81);
    const ofMn = world.trace.filter(({ part, event }) => part === 'node alice' && event === 'receive');
    assert(ofMn.some(({ message }) => message === 'Notification')); // beside the Route Direction
    bob.node.close();
  });

  it('moves while its DC is away -> registers when it is back, and the connection goes on', async () => {
    world.network.lose = (_, from, to) =>
      [from, to].some(({ address, port }) => address === ports.dc.address && port === ports.dc.port);
    mn.move(at(5), PRIVATE);
    await pass(world.time, 20_000);
    world.network.lose = () => false;
    await pass(world.time, 20_000);
    await isAnswered('back again');
    assert.deepEqual([wayOf(mn), wayOf(cn)], [relayed, relayed]);
  });

  it('both move in the same moment -> it goes on, and neither DC takes one of them for absent', async () => {
    for (const [node, host] of [
      [mn, at(5)],
      [cn, at(7)],
    ] as const)
      node.move(host);
    await isAnswered('both have moved', 2_000);
    await pass(world.time, 10_000);
    assert.deepEqual([wayOf(mn), wayOf(cn)], ['203.0.113.7:4007', '203.0.113.5:4005']);
    assert.deepEqual(
      world.trace.filter(({ reason }) => reason === 'does not answer'),
      [],
    );
  });

  it('moves twice within a second -> its tunnel leads to where it is', async () => {
    mn.move(at(5), PRIVATE);
    await pass(world.time, 605);
    mn.move(at(6));
    await pass(world.time, 2_000);
    await isAnswered('here', 2_000);
    assert.equal(wayOf(cn), '203.0.113.6:4006');
  });
});
