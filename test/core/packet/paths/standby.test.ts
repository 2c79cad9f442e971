/** A tunnel of a host with two interfaces, one of which falls silent without a word, on virtual time. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { isStandby } from '../../../../core/packet/path';
import { encodeCall } from '../../../../core/packet/path-probe';
import type { Endpoint } from '../../../../core/wire/addresses';
import { flush } from '../../../support/memory-datagrams';
import { NATS, type NatKind } from '../../../support/nat-network';
import { PathWorld } from '../../../support/path-world';
import { ipv4Packet } from '../../../support/tunnel-pair';

/** With 3 a search among ports finds nothing, as twice in a thousand (scatter.ts). */
const SEEDS = [1, 2, 4, 5];
const OTHER = '203.0.113.77';
/** To notice, and a round trip. */
const NOTICED_MS = 600;

describe('another interface that stands by', () => {
  let world: PathWorld;

  function direct(seed: number, natOfOther?: NatKind): PathWorld {
    world = new PathWorld(seed);
    world.standBy('a', OTHER, natOfOther);
    world.establish();
    assert.deepEqual(world.talk(4_000), []);
    assert.deepEqual(world.ways, ['direct', 'direct']);
    return world;
  }

  /** The same behind NATs, and so long that B may have been called. */
  async function restricted(seed: number, natOfB: NatKind, natOfOther?: NatKind): Promise<PathWorld> {
    world = new PathWorld(seed, NATS.portRestricted, natOfB);
    world.standBy('a', OTHER, natOfOther);
    world.establish();
    for (let i = 0; i < 10; i++) {
      assert.deepEqual(world.talk(400), []);
      await flush();
    }
    return world;
  }

  /** Whether the interface that A's packets leave by carries anything; the relay is reached by it, too. */
  function silence(isSilent: boolean): void {
    const { address } = world.a.nat ?? world.a.local;
    world.relayWorks = !isSilent;
    world.network.lose = (from, to) => isSilent && (from.address === address || to.address === address);
  }

  afterEach(() => {
    world.close();
    world.time.runUntilIdle(10_000);
  });

  const whereBSends = (): string => world.b.tunnel.path.endpoint.address;
  const standsIn = (): boolean => isStandby(world.a.tunnel.path);

  for (const [name, nat] of [
    ['no NAT', undefined],
    ['a symmetric NAT', NATS.symmetric],
  ] as const) {
    it(`the one in use falls silent -> by the other, behind ${name}, in 600 ms, and nothing more is lost`, () => {
      for (const seed of SEEDS) {
        direct(seed, nat);
        silence(true);
        world.talk(NOTICED_MS - 200);
        assert.equal(whereBSends(), OTHER, `seed ${seed}`);
        assert(standsIn());
        assert.deepEqual(world.talk(20_000), [], `seed ${seed}`);
        assert.equal(whereBSends(), OTHER);
        world.close();
      }
    });
  }

  for (const [b, other] of [
    ['addressRestricted', undefined],
    ['addressRestricted', 'symmetric'],
    ['portRestricted', undefined],
    ['portRestricted', 'cone'],
    ['portRestricted', 'portRestricted'],
    ['symmetric', 'cone'],
  ] as const) {
    it(`the peer's NAT is ${b}, the other's ${other ?? 'none'} -> the peer is called, and in silence all is as well`, async () => {
      for (const seed of SEEDS) {
        await restricted(seed, NATS[b], other && NATS[other]);
        assert.deepEqual(world.ways, ['direct', 'direct'], `seed ${seed}`);
        assert(!standsIn());
        silence(true);
        world.talk(NOTICED_MS - 200);
        assert.equal(whereBSends(), OTHER, `seed ${seed}`);
        assert.deepEqual(world.talk(20_000), [], `seed ${seed}`);
        world.close();
      }
    });
  }

  it("the peer's NAT forgets after five seconds -> it is called again, and then held more often", async () => {
    for (const seed of SEEDS) {
      await restricted(seed, { ...NATS.portRestricted, forgetMs: 5_000 });
      for (let i = 0; i < 30 + seed; i++) {
        world.talk(800);
        await flush();
      }
      silence(true);
      world.talk(NOTICED_MS - 200);
      assert.equal(whereBSends(), OTHER, `seed ${seed}`);
      world.close();
    }
  });

  it('nothing that the peer sends when it is called arrives -> it is called rarely', async () => {
    const asked = new Set<number>();
    world = new PathWorld(1, NATS.portRestricted, NATS.portRestricted);
    world.standBy('a', OTHER, NATS.symmetric);
    const { outside } = world.a;
    const [via] = world.a.vias;
    const seen = outside.get(via!)!;
    outside.get = () => (asked.add(world.time.now()), seen);
    world.establish();
    for (let i = 0; i < 100; i++) {
      world.talk(1_000);
      await flush();
    }
    assert(asked.size > 3 && asked.size < 12, `${asked.size} calls`);
  });

  it('a peer calls to private addresses, to ports of servers, or all the time -> nothing, or not much, is sent', () => {
    direct(1);
    const { a, network, time } = world;
    const sentFor = (endpoints: readonly Endpoint[]): number => {
      const before = network.count;
      for (const endpoint of endpoints) a.tunnel.sendControl(encodeCall(new Uint8Array(8), endpoint));
      time.advance(100);
      return network.count - before - endpoints.length;
    };
    assert.equal(sentFor([{ address: '192.168.0.1', port: 4_000 }]), 0);
    assert.equal(sentFor([{ address: '127.0.0.1', port: 4_000 }]), 0);
    assert.equal(sentFor([{ address: '203.0.113.99', port: 53 }]), 0);
    assert.equal(sentFor([{ address: '203.0.113.99', port: 4_000 }]), 1);
    assert.equal(sentFor(Array.from({ length: 100 }, (_, i) => ({ address: '203.0.113.99', port: 5_000 + i }))), 7);
    time.advance(11_000);
    assert.equal(sentFor([{ address: '203.0.113.99', port: 9_000 }]), 1);
  });

  it('who only acknowledges what it receives -> notices as soon', () => {
    for (const seed of SEEDS) {
      direct(seed);
      const { a, b, time } = world;
      const say = (i: number): void => {
        b.module.encapsulate(ipv4Packet(b.address, a.address, `${i}`));
        time.advance(20);
        if (a.received.includes(`${i}`)) a.module.encapsulate(ipv4Packet(a.address, b.address, 'heard'));
      };
      for (let i = 0; i < 100; i++) say(i);
      silence(true);
      for (let i = 100; i < 100 + NOTICED_MS / 20; i++) say(i);
      assert.equal(whereBSends(), OTHER, `seed ${seed}`);
      world.close();
    }
  });

  it('who has nothing to say -> is asked by the other, of which the peer knows', () => {
    for (const seed of SEEDS) {
      direct(seed);
      const { a, b, time } = world;
      time.advance(300); // all that was said is answered
      silence(true);
      for (let i = 0; i < 100; i++) {
        b.module.encapsulate(ipv4Packet(b.address, a.address, `${i}`));
        time.advance(20);
      }
      assert.equal(whereBSends(), OTHER, `seed ${seed}`);
      assert(a.received.includes('99'), `seed ${seed}`);
      world.close();
    }
  });

  it('it works again -> back by it on both sides, after a while, and nothing is lost', () => {
    for (const seed of SEEDS) {
      direct(seed);
      silence(true);
      world.talk(3_000);
      silence(false);
      assert.deepEqual(world.talk(10_000), [], `seed ${seed}`);
      assert(!standsIn());
      assert.equal(whereBSends(), world.a.local.address);
      world.close();
    }
  });

  it('it works and fails by turns -> the tunnel goes back to it more and more rarely', () => {
    direct(1);
    const before = world.a.ways.length;
    for (let i = 0; i < 30; i++) {
      silence(true);
      world.talk(2_000);
      silence(false);
      world.talk(4_000);
    }
    const changes = world.a.ways.length - before;
    assert(changes <= 16, `${changes} changes`);
  });

  it('only the direct path is silent, and the relay is heard -> the relay, as the interface works', () => {
    for (const seed of SEEDS) {
      direct(seed);
      silence(true);
      world.relayWorks = true;
      world.talk(3_000);
      assert.deepEqual(world.ways, ['relay', 'relay'], `seed ${seed}`);
      assert.deepEqual(world.talk(2_000), [], `seed ${seed}`);
      world.close();
    }
  });

  it('the other is faster -> neither side takes it', () => {
    for (const seed of SEEDS) {
      world = new PathWorld(seed);
      world.standBy('a', OTHER);
      world.network.latencyMs = (from, to) => ([from, to].some(({ address }) => address === OTHER) ? 2 : 25);
      world.establish();
      world.talk(60_000, 100);
      assert.equal(whereBSends(), world.a.local.address, `seed ${seed}`);
      assert(!standsIn());
      world.close();
    }
  });

  it('what leaves by the other never arrives -> it is asked rarely; and in silence all is as without it', () => {
    direct(1);
    const isOther = ({ address }: { address: string }): boolean => address === OTHER;
    let tried = 0;
    world.network.lose = (from) => isOther(from) && ++tried > 0;
    world.talk(120_000, 100);
    assert(tried > 2 && tried < 25, `${tried} probes`);
    world.network.lose = () => true;
    world.talk(3_000);
    assert.deepEqual(world.ways, ['relay', 'relay']);
  });

  it('both are silent -> stuck is told, and it goes on when the first works again', () => {
    direct(1);
    world.relayWorks = false;
    world.network.lose = () => true;
    world.talk(20_000);
    assert(world.a.stuck >= 1);
    silence(false);
    world.talk(3_000);
    assert.deepEqual(world.talk(3_000), []);
  });

  it('taken, and its address goes -> by the first again, at once', () => {
    direct(1);
    silence(true);
    world.talk(3_000);
    assert(standsIn());
    silence(false);
    world.a.vias[0]!.close();
    world.a.vias = [];
    world.a.paths.hostMoved();
    world.time.advance(100);
    assert(!standsIn());
    assert.equal(whereBSends(), world.a.local.address);
    assert.deepEqual(world.talk(3_000), []);
  });

  it('idle: nobody sends -> it is not probed', () => {
    direct(1);
    world.time.advance(30_000);
    const { count } = world.network;
    world.time.advance(60_000);
    assert.equal(world.network.count, count);
  });

  describe('where only the relay works', () => {
    async function relayed(seed: number): Promise<PathWorld> {
      world = new PathWorld(seed, NATS.symmetric, NATS.symmetric);
      world.standBy('a', OTHER, NATS.symmetric);
      world.establish();
      assert.deepEqual(await world.talkAndAsk(4_000), []);
      assert.deepEqual(world.ways, ['relay', 'relay']);
      assert.equal(world.a.relayBy, undefined);
      return world;
    }

    it('the one in use falls silent -> the relay by the other in 600 ms; and back, when it works again for a while', async () => {
      for (const seed of SEEDS) {
        await relayed(seed);
        silence(true);
        await world.talkAndAsk(NOTICED_MS - 200);
        assert.equal(world.a.relayBy, world.a.vias[0], `seed ${seed}`);
        assert.deepEqual(world.b.known, ['peers']);
        assert.deepEqual(await world.talkAndAsk(20_000), [], `seed ${seed}`);
        assert.equal(world.a.relayBy, world.a.vias[0]);
        silence(false);
        assert.deepEqual(await world.talkAndAsk(10_000), [], `seed ${seed}`);
        assert.equal(world.a.relayBy, undefined);
        world.close();
      }
    });

    it('direct, and nothing direct stands by: the one in use falls silent -> the relay by the other', async () => {
      for (const seed of SEEDS) {
        world = new PathWorld(seed, NATS.cone, NATS.portRestricted);
        world.standBy('a', OTHER, NATS.symmetric);
        world.establish();
        assert.deepEqual(await world.talkAndAsk(4_000), []);
        assert.deepEqual(world.ways, ['direct', 'direct']);
        silence(true);
        await world.talkAndAsk(NOTICED_MS - 200);
        assert.deepEqual(world.ways, ['relay', 'relay'], `seed ${seed}`);
        assert.deepEqual(await world.talkAndAsk(5_000), [], `seed ${seed}`);
        silence(false);
        await world.talkAndAsk(20_000);
        assert.deepEqual(world.ways, ['direct', 'direct'], `seed ${seed}`);
        assert.equal(world.a.relayBy, undefined);
        world.close();
      }
    });

    it('direct, and silent again some seconds after it was back -> by the other again, as soon', async () => {
      for (const seed of SEEDS) {
        world = new PathWorld(seed, NATS.cone, NATS.portRestricted);
        world.standBy('a', OTHER, NATS.symmetric);
        world.establish();
        await world.talkAndAsk(4_000);
        silence(true);
        await world.talkAndAsk(2_000);
        silence(false);
        await world.talkAndAsk(2_500 + 1_000 * seed);
        silence(true);
        await world.talkAndAsk(NOTICED_MS - 200);
        assert.deepEqual(await world.talkAndAsk(2_000), [], `seed ${seed}`);
        world.close();
      }
    });

    it('the peer is silent, and the relay server is not -> it stays as it is', async () => {
      await relayed(1);
      world.b.module.close();
      await world.talkAndAsk(3_000);
      assert.equal(world.a.relayBy, undefined);
    });

    it('it works and fails by turns -> the relay is reached by it more and more rarely', async () => {
      await relayed(1);
      let changes = 0;
      for (let i = 0; i < 20; i++) {
        const before = world.a.relayBy;
        silence(true);
        await world.talkAndAsk(2_000, 50);
        if (world.a.relayBy !== before) changes += 2;
        silence(false);
        await world.talkAndAsk(6_000, 50);
      }
      assert(changes >= 2 && changes <= 14, `${changes} changes`);
    });

    it('taken, and its address goes -> by its own way again', async () => {
      await relayed(1);
      silence(true);
      await world.talkAndAsk(2_000);
      assert.notEqual(world.a.relayBy, undefined);
      silence(false);
      world.a.vias = [];
      await world.talkAndAsk(2_000);
      assert.equal(world.a.relayBy, undefined);
      assert.deepEqual(await world.talkAndAsk(2_000), []);
    });

    it('nothing falls silent -> the relay is asked rarely; idle -> not at all', async () => {
      await relayed(1);
      const { asked } = world;
      await world.talkAndAsk(60_000, 200);
      assert(world.asked - asked <= 7, `${world.asked - asked} questions`);
      world.time.advance(30_000);
      const { asked: then } = world;
      world.time.advance(60_000);
      assert.equal(world.asked, then);
    });
  });
});
