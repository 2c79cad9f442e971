/** A tunnel of which one end, or both, change their network, on virtual time (Figure 7, and faster). */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { Endpoint } from '../../../../core/wire/addresses';
import { Moves, ofOtherVersion } from '../../../../core/packet/paths/moves';
import { NATS, type NatKind } from '../../../support/nat-network';
import { PathWorld } from '../../../support/path-world';
import { VirtualTime } from '../../../support/virtual-time';

const SEEDS = [1, 2, 3];

describe('moves of a tunnel', () => {
  let world: PathWorld;

  function direct(seed: number, natOfA?: NatKind, natOfB?: NatKind): PathWorld {
    world = new PathWorld(seed, natOfA, natOfB);
    world.establish();
    world.talk(2_000);
    assert.deepEqual(world.ways, ['direct', 'direct']);
    return world;
  }

  afterEach(() => {
    world.close();
    world.time.runUntilIdle(10_000);
  });

  const whereBSends = (): Endpoint => world.b.tunnel.path.endpoint;

  for (const [name, nat] of [
    ['no NAT', undefined],
    ['a symmetric NAT', NATS.symmetric],
  ] as const) {
    it(`direct: A moves behind ${name} -> B sends there after one way, A knows after both, and nothing is lost`, () => {
      for (const seed of SEEDS) {
        direct(seed);
        world.move('a', nat);
        world.time.advance(10);
        assert.match(whereBSends().address, nat ? /^198\.51\.100\.20$/ : /^203\.0\.113\.20$/);
        world.time.advance(10);
        assert.deepEqual(world.a.known, ['announced', 'own']);
        assert.deepEqual(world.talk(10_000), [], `seed ${seed}`);
        assert.deepEqual(world.ways, ['direct', 'direct']);
        world.close();
      }
    });
  }

  it('direct: the first notices are lost -> sent again, soon', () => {
    for (const seed of SEEDS) {
      direct(seed);
      world.relayWorks = false;
      const goneMs = world.time.now() + 100;
      world.network.lose = () => world.time.now() < goneMs;
      world.move('a');
      world.time.advance(250);
      assert.equal(whereBSends().address, '203.0.113.20');
      assert.deepEqual(world.a.known, ['announced', 'own']);
      world.close();
    }
  });

  it('direct: A moves to where only the relay works -> by the relay on both sides, at A after 60 ms', () => {
    for (const seed of SEEDS) {
      direct(seed, NATS.portRestricted, NATS.portRestricted);
      world.network.lose = () => true;
      world.move('a', NATS.symmetric);
      world.time.advance(61);
      assert.deepEqual(world.ways, ['relay', 'relay'], `seed ${seed}`);
      assert.deepEqual(world.talk(5_000), [], `seed ${seed}`);
      world.close();
    }
  });

  it('direct: A moves to where only the relay works, and makes a handshake by it -> B sends by it, too', () => {
    for (const seed of SEEDS) {
      direct(seed, NATS.portRestricted, NATS.portRestricted);
      world.network.lose = () => true;
      world.relayLatencyMs = 10;
      world.move('a', NATS.symmetric);
      world.a.tunnel.use(world.relayPaths.a);
      world.a.tunnel.requestTunnel();
      world.time.advance(61);
      assert.deepEqual(world.ways, ['relay', 'relay'], `seed ${seed}`);
      world.close();
    }
  });

  it('by the relay only: it works straight again -> direct, and nothing is lost', () => {
    direct(1, NATS.cone, NATS.cone);
    world.network.lose = () => true;
    world.move('a', NATS.cone);
    assert.deepEqual(world.talk(500).length > 10, false);
    world.network.lose = () => false;
    assert.deepEqual(world.talk(10_000), []);
    assert.deepEqual(world.ways, ['direct', 'direct']);
  });

  it('direct: both move at once -> by the relay, and all arrives', () => {
    for (const seed of SEEDS) {
      direct(seed);
      world.move('a', NATS.cone);
      world.move('b', NATS.cone);
      world.time.advance(70);
      assert.deepEqual(world.ways, ['relay', 'relay'], `seed ${seed}`);
      assert.deepEqual(world.talk(5_000), [], `seed ${seed}`);
      for (const { known } of [world.a, world.b]) assert(known.includes('own'));
      world.close();
    }
  });

  it('direct: A moves twice, and what it sent from the first place arrives last -> B sends to the second', () => {
    direct(1);
    world.network.latencyMs = ({ address }) => (address === '203.0.113.20' ? 150 : 10);
    world.move('a');
    world.time.advance(5);
    world.move('a');
    world.time.advance(20);
    assert.equal(whereBSends().address, '203.0.113.21');
    world.time.advance(1_000);
    assert.equal(whereBSends().address, '203.0.113.21');
    assert.deepEqual(world.talk(1_000), []);
  });

  it('direct: packets that A sent before it moved arrive after its notice -> B does not go back', () => {
    direct(1);
    world.network.latencyMs = ({ address }) => (address === '203.0.113.1' ? 100 : 10);
    const arrived = world.b.received.length;
    world.say('a', 20);
    world.move('a');
    world.time.advance(50);
    assert.equal(whereBSends().address, '203.0.113.20');
    world.time.advance(100);
    assert.equal(world.b.received.length - arrived, 20, 'they are good packets');
    assert.equal(whereBSends().address, '203.0.113.20');
  });

  it('direct: nothing passes for two minutes, and nobody tells -> goes on within a second and a bit', () => {
    direct(1);
    world.relayWorks = false;
    world.network.lose = () => true;
    world.talk(120_000, 1_000);
    world.network.lose = () => false;
    world.time.advance(1_300);
    assert(world.a.known.includes('back') || world.b.known.includes('back'));
    assert.deepEqual(world.talk(1_000), []);
  });

  it('idle: A moves, and the peer is away -> notices end', () => {
    direct(1);
    world.relayWorks = false;
    world.network.lose = () => true;
    world.move('a');
    world.time.advance(10_000);
    const { count } = world.network;
    world.time.advance(60_000);
    assert(world.network.count - count <= 61, `${world.network.count - count} datagrams in a minute`);
    world.time.advance(600_000);
    const later = world.network.count;
    world.time.advance(60_000);
    assert(world.network.count - later <= 5, `${world.network.count - later} datagrams in a minute, later`);
  });

  it('the peer does not know of a move yet: another interface is taken -> what it confirms is the move, once', () => {
    const moves = new Moves(new VirtualTime());
    moves.begin(1);
    moves.begin(2, false);
    assert.deepEqual([moves.confirm(), moves.confirm()], ['own', undefined]);
    moves.begin(3, false);
    assert.deepEqual([moves.confirm(), moves.confirm()], ['interface', undefined]);
  });

  it('a network without the IP version of the path in use -> packets go where the peer has the other, at once', () => {
    const [ipv4, ipv6] = [
      { address: '203.0.113.1', port: 1 },
      { address: '2001:db8::1', port: 1 },
    ];
    assert.deepEqual(ofOtherVersion({ kind: 'direct', endpoint: ipv4 }, [ipv6]), ipv6);
    assert.equal(ofOtherVersion({ kind: 'direct', endpoint: ipv4 }, [ipv6, { ...ipv4, port: 2 }]), undefined);
    assert.equal(ofOtherVersion({ kind: 'direct', endpoint: ipv4 }, []), undefined);
    assert.equal(ofOtherVersion({ kind: 'relay', endpoint: ipv4, pathId: new Uint8Array(8) }, [ipv6]), undefined);
  });
});
