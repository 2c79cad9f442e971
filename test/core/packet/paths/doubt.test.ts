/** A tunnel of a host with two interfaces, in the first moments of a silence: packets by both; on virtual time. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { isStandby } from '../../../../core/packet/path';
import { PathWorld } from '../../../support/path-world';
import { ipv4Packet } from '../../../support/tunnel-pair';

const SEEDS = [1, 2, 3, 4];
const OTHER = '203.0.113.77';
/** Until packets take the other one, too, on both sides. */
const DOUBTED_MS = 150;

describe('a path that is doubted', () => {
  let world: PathWorld;

  function direct(seed: number): void {
    world = new PathWorld(seed);
    world.standBy('a', OTHER);
    world.establish();
    assert.deepEqual(world.talk(4_000), []);
    assert.deepEqual(world.ways, ['direct', 'direct']);
  }

  /** Whether the interface that A's packets leave by carries anything; the relay is reached by it, too. */
  function silence(isSilent: boolean): void {
    const { address } = world.a.local;
    world.relayWorks = !isSilent;
    world.network.lose = (from, to) => isSilent && (from.address === address || to.address === address);
  }

  afterEach(() => {
    world.close();
    world.time.runUntilIdle(10_000);
  });

  /** Datagrams that A's other interface has sent. */
  function sentByOther(): number {
    const all = [...world.a.tunnel.pathCounters].filter(({ path }) => isStandby(path));
    return all.reduce((sum, { counters }) => sum + counters.sentPackets, 0);
  }

  /** Of those that were lost, how long after the beginning the last one was sent. */
  function lostForMs(lost: readonly string[], beganMs: number): number {
    return Math.max(0, ...lost.map((text) => Number(text.split(' ')[1]) - beganMs));
  }

  it('the one in use falls silent -> after 150 ms all that is sent, by both sides, takes the other as well, and none is lost', () => {
    for (const seed of SEEDS) {
      direct(seed);
      world.talk(110 * seed); // B looks twice a second
      const beganMs = world.time.now();
      silence(true);
      const lostMs = lostForMs(world.talk(5_000), beganMs);
      assert(lostMs > 0 && lostMs <= DOUBTED_MS, `seed ${seed}: ${lostMs} ms`);
      assert.deepEqual([world.a.doubts, world.b.doubts], [1, 1]);
      for (const { doubts, believes } of [world.a, world.b]) assert.equal(believes, doubts);
      world.close();
    }
  });

  it('it is silent for 250 ms -> stays, and the other is of use for as long', () => {
    for (const seed of SEEDS) {
      direct(seed);
      const before = world.a.ways.length;
      const beganMs = world.time.now();
      silence(true);
      const lost = world.talk(50); // and 200 more, until nothing is under way
      silence(false);
      assert(lostForMs(lost, beganMs) <= 50);
      const sent = sentByOther();
      assert.deepEqual(world.talk(5_000), [], `seed ${seed}`);
      assert.equal(world.a.ways.length, before);
      assert(!isStandby(world.a.tunnel.path));
      assert(sentByOther() - sent < 10, `${sentByOther() - sent} packets by the other`);
      world.close();
    }
  });

  it('both hosts have another interface -> each begins to doubt once, and none is lost from then on', () => {
    for (const seed of SEEDS) {
      world = new PathWorld(seed);
      world.standBy('a', OTHER);
      world.standBy('b', '203.0.113.78');
      world.establish();
      assert.deepEqual(world.talk(4_000 + 110 * seed), []);
      const beganMs = world.time.now();
      silence(true);
      const lostMs = lostForMs(world.talk(5_000), beganMs);
      assert(lostMs <= DOUBTED_MS, `seed ${seed}: ${lostMs} ms`);
      for (const { doubts, believes } of [world.a, world.b]) assert.deepEqual([doubts, believes], [1, 1]);
      world.close();
    }
  });

  for (const ms of [150, 3_000]) {
    it(`A's program computes for ${ms} ms, and has sent before -> the answers are read first; nothing is doubted, or left`, () => {
      direct(1);
      const { a, time } = world;
      const before = a.ways.length;
      for (let i = 0; i < 20; i++) {
        world.say('a', 1);
        time.advance(10); // B has it
        world.say('b', 1);
        a.loop.compute(ms);
        time.advance(500);
      }
      assert.deepEqual([a.doubts, a.ways.length], [0, before]);
    });
  }

  for (const rttMs of [650, 900]) {
    it(`the round trip is ${rttMs} ms, and the one in use falls silent -> packets take the other 1.25 s after the last one came`, () => {
      for (const seed of SEEDS) {
        world = new PathWorld(seed);
        world.relayLatencyMs = rttMs / 2;
        world.network.latencyMs = () => rttMs / 2;
        world.standBy('a', OTHER);
        world.establish();
        world.talk(8_000);
        assert.deepEqual(world.ways, ['direct', 'direct']);
        assert(!isStandby(world.a.tunnel.path));
        const beganMs = world.time.now();
        silence(true);
        world.talk(3_000);
        const sent = Array.from({ length: 150 }, (_, i) => `a ${beganMs + 20 * i}`);
        world.talk(1_000);
        const lostMs = lostForMs(
          sent.filter((text) => !world.b.received.includes(text)),
          beganMs,
        );
        assert(lostMs > 0 && lostMs <= 1_250 + rttMs / 2, `seed ${seed}: ${lostMs} ms`);
        assert(isStandby(world.a.tunnel.path));
        world.close();
      }
    });
  }

  it('who is not answered, as the peer has nothing to say -> asks now and then if it is there; the other is not used for it', () => {
    direct(1);
    world.time.advance(1_000);
    const { a, b, network, time } = world;
    const [sent, byOther] = [network.count, sentByOther()];
    for (let i = 0; i < 500; i++) {
      a.module.encapsulate(ipv4Packet(a.address, b.address, `${i}`));
      time.advance(20);
    }
    const [asked, answers] = [network.count - sent - 500, 2];
    assert(asked / answers < 90, `${asked / answers} probes in ten seconds`);
    assert(sentByOther() - byOther < 10);
    assert.equal(a.doubts, 0);
  });

  it('A only receives, and the one in use falls silent -> B, which sends, finds it, and packets arrive again in 300 ms', () => {
    for (const seed of SEEDS) {
      direct(seed);
      const { a, b, time } = world;
      const send = (): void => {
        b.module.encapsulate(ipv4Packet(b.address, a.address, `b ${time.now()}`));
        time.advance(10);
      };
      const count = 300 + 11 * seed;
      const before = world.network.count;
      for (let i = 0; i < count; i++) send();
      const [asked, answers] = [world.network.count - before - count, 2];
      assert(asked / answers < 40, `${asked / answers} probes in three seconds`);
      silence(true);
      const beganMs = time.now();
      for (let i = 0; i < 100; i++) send();
      const first = a.received.find((text) => Number(text.split(' ')[1]) >= beganMs);
      const lostMs = Number(first?.split(' ')[1]) - beganMs;
      assert(lostMs <= 300, `seed ${seed}: ${lostMs} ms`);
      assert(isStandby(a.tunnel.path));
      world.close();
    }
  });

  it('the peer is gone -> few packets take the other as well', () => {
    direct(1);
    world.b.module.close();
    const sent = sentByOther();
    world.talk(1_000, 2);
    assert(sentByOther() - sent < 100, `${sentByOther() - sent} packets`);
  });
});
