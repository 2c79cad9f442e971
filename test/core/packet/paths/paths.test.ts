/** A tunnel that begins on a relay, between all kinds of NATs, on virtual time (paper 3.4, Figure 8). */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { flush } from '../../../support/memory-datagrams';
import { NATS, type NatKind } from '../../../support/nat-network';
import { PathWorld, type Node } from '../../../support/path-world';
import { ipv4Packet } from '../../../support/tunnel-pair';

const SEEDS = [1, 2, 3, 4, 5];

type Name = 'none' | keyof typeof NATS;
const kindOf = (name: Name): NatKind | undefined => (name === 'none' ? undefined : NATS[name]);

describe('paths of a tunnel', () => {
  let world: PathWorld;

  function established(seed: number, natOfA: Name, natOfB: Name): PathWorld {
    world = new PathWorld(seed, kindOf(natOfA), kindOf(natOfB));
    world.establish();
    return world;
  }

  afterEach(() => {
    world.close();
    world.time.runUntilIdle(10_000);
  });

  const direct: [Name, Name][] = [
    ['none', 'cone'],
    ['none', 'portRestricted'],
    ['none', 'symmetric'],
    ['cone', 'cone'],
    ['cone', 'symmetric'],
    ['addressRestricted', 'addressRestricted'],
    ['addressRestricted', 'symmetric'],
    ['portRestricted', 'portRestricted'],
    ['portRestricted', 'cone'],
  ];
  for (const [natOfA, natOfB] of direct) {
    it(`by the relay: ${natOfA} and ${natOfB} -> direct on both sides within a second, and no packet is lost`, () => {
      for (const seed of SEEDS) {
        established(seed, natOfA, natOfB);
        assert.deepEqual(world.talk(1_000), [], `seed ${seed}`);
        assert.deepEqual(world.ways, ['direct', 'direct'], `seed ${seed}`);
        for (const { ways } of [world.a, world.b]) assert.equal(ways.length, 1, `seed ${seed}: it moves once`);
        world.close();
      }
    });
  }

  it('by the relay: both NATs are symmetric -> it stays there, nothing is lost, and the probes end', () => {
    established(1, 'symmetric', 'symmetric');
    assert.deepEqual(world.talk(8_000), []);
    assert.deepEqual(world.ways, ['relay', 'relay']);
    assert(world.network.count <= 2 * 2 * 9, `${world.network.count} probes`);
    world.time.advance(100_000);
    const { count } = world.network;
    world.time.advance(600_000);
    assert.equal(world.network.count, count, 'nobody talks, so nobody looks again');
  });

  for (const [natOfA, natOfB] of [
    ['symmetric', 'portRestricted'],
    ['portRestricted', 'symmetric'],
  ] as const) {
    it(`by the relay: ${natOfA} and ${natOfB} -> many ports are tried from both sides, and nearly always one fits`, async () => {
      let found = 0;
      for (const seed of [1, 2]) {
        established(seed, natOfA, natOfB);
        for (let i = 0; i < 30; i++) {
          assert.deepEqual(world.talk(100), [], `seed ${seed}`);
          await flush();
        }
        if (world.ways.join() === 'direct,direct') found += 1;
        assert(world.network.count <= 1_536 + 4 * 256 + 2_000, `${world.network.count} datagrams`);
        world.time.advance(6_000);
        assert.deepEqual(world.talk(1_000), [], `seed ${seed}`);
        assert(world.open <= 2, `${world.open} sockets are still open`);
        world.close();
        assert.equal(world.open, 0);
      }
      assert(found >= 1, `${found} of 2`);
    });
  }

  it('direct by one of many sockets: introduced again -> stays, nothing is lost, and nothing is left open', async () => {
    established(1, 'symmetric', 'portRestricted');
    for (let i = 0; i < 60; i++) {
      world.talk(100);
      await flush();
    }
    assert.deepEqual([world.ways, world.open], [['direct', 'direct'], 1]);
    for (const [self, other] of [[world.a, world.b] as const, [world.b, world.a] as const]) {
      self.paths.introduce(self.tunnel, {
        ...{
          endpoints: world.endpointsOf(other),
          relay: world.relayPaths[self.name],
          mapping: other.nat!.kind.mapping,
        },
      });
    }
    for (let i = 0; i < 60; i++) {
      assert.deepEqual(world.talk(100), []);
      await flush();
    }
    assert.deepEqual([world.ways, world.open], [['direct', 'direct'], 1]);
    world.close();
    assert.equal(world.open, 0);
  });

  it('direct: the direct path falls silent -> packets arrive again within 3 s, by the relay', () => {
    for (const seed of SEEDS) {
      established(seed, 'cone', 'portRestricted');
      world.talk(1_000);
      world.network.lose = () => true;
      world.talk(3_000);
      assert.deepEqual(world.ways, ['relay', 'relay'], `seed ${seed}`);
      assert.deepEqual(world.talk(2_000), [], `seed ${seed}`);
      world.close();
    }
  });

  it('fallen back: the direct path works again -> it is used again, once it has answered for a while', () => {
    established(1, 'cone', 'portRestricted');
    world.talk(1_000);
    world.network.lose = () => true;
    world.talk(10_000);
    world.network.lose = () => false;
    assert.deepEqual(world.talk(20_000), []);
    assert.deepEqual(world.ways, ['direct', 'direct']);
  });

  it('direct, silent for a while, and the NAT has forgotten it: a first packet -> arrives, by the relay, once', () => {
    for (const seed of SEEDS) {
      established(seed, 'none', 'portRestricted');
      world.talk(1_000);
      assert.deepEqual(world.ways, ['direct', 'direct']);
      world.time.advance(9_000); // the next keep alive comes later
      world.b.nat!.reboot();
      const { relayed } = world;
      assert.deepEqual(say(world.a, world.b, 'first'), 1, `seed ${seed}`);
      assert(world.relayed > relayed);
      world.time.advance(2_000);
      assert.deepEqual(world.talk(1_000), [], `seed ${seed}`);
      world.close();
    }
  });

  it('direct, silent for a while, and it is still there: packets -> a first one by the relay, too, and it stays', () => {
    established(1, 'none', 'portRestricted');
    world.talk(1_000);
    world.time.advance(9_000);
    const { relayed } = world;
    assert.deepEqual(world.talk(1_000), []);
    assert(world.relayed - relayed <= 2 * 8 + 8, `${world.relayed - relayed} by the relay: eight each, and probes`);
    assert.deepEqual(world.ways, ['direct', 'direct']);
  });

  it('direct, silent for long, and neither way is there any more -> known to be stuck within two seconds', () => {
    established(1, 'none', 'portRestricted');
    world.talk(1_000);
    world.time.advance(90_000);
    world.b.nat!.reboot();
    world.relayWorks = false;
    say(world.a, world.b, 'first');
    world.time.advance(1_800);
    assert.equal(world.a.stuck, 1);
  });

  /** How often it arrived, soon. */
  function say(from: Node, to: Node, text: string): number {
    from.module.encapsulate(ipv4Packet(from.address, to.address, text));
    world.time.advance(200);
    return to.received.filter((received) => received === text).length;
  }

  it('direct: the DC introduces the peer anew, which is then heard from elsewhere -> followed at once, whoever leads', () => {
    established(1, 'none', 'cone');
    world.talk(1_000);
    const elsewhere = { address: '203.0.113.77', port: 7_777 };
    for (const { paths, tunnel } of [world.a, world.b]) {
      assert(tunnel.path.kind === 'direct');
      const follows = (): boolean => paths.follows(tunnel, { kind: 'direct', endpoint: elsewhere });
      paths.introduce(tunnel, { endpoints: [tunnel.path.endpoint, elsewhere] });
      assert.equal(follows(), true, 'it may be another process');
      world.talk(1_000);
      assert.equal(follows(), false, 'it is heard where it was');
    }
  });

  it('direct: it works and fails by turns -> the tunnel goes back to it more and more rarely', () => {
    established(1, 'cone', 'cone');
    world.talk(1_000);
    for (let i = 0; i < 60; i++) {
      world.network.lose = () => i % 2 === 0;
      world.talk(10_000, 100);
    }
    const moves = world.a.ways.length;
    assert(moves <= 2 * 12, `${moves} moves in ten minutes`);
  });

  it('direct: a tenth of all packets is lost -> the tunnel may move, but rarely', () => {
    for (const seed of SEEDS) {
      established(seed, 'cone', 'cone');
      world.talk(2_000);
      world.network.lose = () => world.random.chance(0.1);
      world.talk(120_000, 50);
      for (const { ways } of [world.a, world.b]) assert(ways.length <= 7, `seed ${seed}: ${ways.length} moves`);
      world.close();
    }
  });

  it('direct: one packet of fifty is lost -> it stays direct', () => {
    for (const seed of SEEDS) {
      established(seed, 'cone', 'cone');
      world.talk(2_000);
      world.network.lose = () => world.random.chance(0.02);
      world.talk(120_000, 50);
      assert.deepEqual(world.ways, ['direct', 'direct'], `seed ${seed}`);
      assert(world.a.ways.length <= 3, `seed ${seed}: ${world.a.ways.length} moves`);
      world.close();
    }
  });

  it('direct: nine tenths are lost, and the relay is well -> the relay', () => {
    established(1, 'cone', 'cone');
    world.talk(2_000);
    world.network.lose = () => world.random.chance(0.9);
    world.talk(60_000, 50);
    assert.deepEqual(world.ways, ['relay', 'relay']);
  });

  it('direct: this host cannot send there -> the relay, at once', () => {
    established(1, 'cone', 'cone');
    world.talk(1_000);
    const { tunnel, paths } = world.a;
    assert.equal(tunnel.path.kind, 'direct');
    assert.equal(paths.sendFailed(tunnel.path.endpoint), false, 'it is not only tried');
    assert.equal(tunnel.path.kind, 'relay');
  });

  it('direct: a NAT is restarted -> packets arrive again within 3 s, and it becomes direct again', () => {
    for (const seed of SEEDS) {
      established(seed, 'portRestricted', 'portRestricted');
      world.talk(1_000);
      world.a.nat!.reboot();
      world.talk(3_000);
      assert.deepEqual(world.talk(1_000), [], `seed ${seed}`);
      world.close();
    }
  });

  it('idle: nobody sends -> no probes; then somebody does, and the direct path is gone -> left within 3 s', () => {
    established(1, 'portRestricted', 'portRestricted');
    world.talk(1_000);
    const { count } = world.network;
    world.time.advance(100_000);
    assert(world.network.count - count <= 12, 'but for what keeps a session');
    world.network.lose = () => true;
    world.talk(3_000);
    assert.deepEqual(world.talk(1_000), []);
  });

  it('the relay is lost while the tunnel is direct -> nothing happens to it', () => {
    established(1, 'cone', 'cone');
    world.talk(1_000);
    world.relayWorks = false;
    assert.deepEqual(world.talk(30_000), []);
    assert.deepEqual(world.ways, ['direct', 'direct']);
  });

  it('no path works any more -> its owner is told, not more often than every ten seconds', () => {
    established(1, 'cone', 'cone');
    world.talk(1_000);
    world.relayWorks = false;
    world.network.lose = () => true;
    world.talk(60_000, 100);
    assert(world.a.stuck >= 1 && world.a.stuck <= 7, `${world.a.stuck} times`);
  });
});
