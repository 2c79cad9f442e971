import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MappingLifetime } from '../../../core/reach/mapping-lifetime';
import type { DatagramPortOptions } from '../../../core/runtime';
import type { Endpoint } from '../../../core/wire/addresses';
import { StunAnswers } from '../../../servers/relay/stun-answers';
import { pass } from '../../support/memory-datagrams';
import { NatNetwork, NATS, type Nat } from '../../support/nat-network';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

const RS = { address: '192.0.2.9', port: 3478 };
const HOST = '192.168.0.10';
const HALF_AN_HOUR_MS = 1_800_000;

describe('how long a NAT keeps a mapping', () => {
  let time: VirtualTime;
  let network: NatNetwork;
  let nat: Nat;
  let lifetime: MappingLifetime;
  let known: { readonly keepAliveMs: number | undefined; readonly atMs: number }[];
  let open: number;

  beforeEach(() => {
    time = new VirtualTime();
    network = new NatNetwork(time, new SeededRandom(1));
    known = [];
    open = 0;
    const transmit = network.host(RS, undefined, (datagram, from) => answers.receive(datagram, from));
    const answers = new StunAnswers({ clock: time, transmit, transmitFromOtherPort: undefined });
  });
  afterEach(() => {
    lifetime.stop();
    assert.equal(open, 0, 'no socket is left open');
    assert.equal(time.pendingCount, 0, 'no timer is left');
  });

  function behind(forgetMs: number, kind: keyof typeof NATS = 'portRestricted'): void {
    nat = network.nat('198.51.100.1', { ...NATS[kind], forgetMs });
    let nextPort = 30_000;
    const openDatagramPort = ({ family, onDatagram }: DatagramPortOptions) => {
      open += 1;
      const local = { address: HOST, port: nextPort++ };
      const close = (): void => {
        open -= 1;
        network.remove(local);
      };
      return Promise.resolve({ family, local, send: network.host(local, nat, onDatagram), close });
    };
    lifetime = new MappingLifetime({
      runtime: { clock: time, timers: time, random: new SeededRandom(2), openDatagramPort },
      send: network.host({ address: HOST, port: 4_000 }, nat, () => {}),
      onKnown: (keepAliveMs) => known.push({ keepAliveMs, atMs: time.now() }),
    });
  }

  for (const [forgetMs, keepAliveMs, byMs] of [
    [3_000, 4_000, 5_500],
    [5_000, 4_000, 9_000],
    [10_000, 7_000, 17_000],
    [20_000, 14_000, 28_000],
    [30_000, undefined, 28_000],
    [120_000, undefined, 28_000],
  ] as const) {
    for (const kind of ['portRestricted', 'symmetric'] as const) {
      it(`${kind}, ${forgetMs / 1000} s -> every ${(keepAliveMs ?? NaN) / 1000} s is often enough`, async () => {
        behind(forgetMs, kind);
        lifetime.measure({ at: RS, rttMs: 20 });
        await pass(time, 40_000);
        assert.deepEqual(
          known.map((each) => each.keepAliveMs),
          [keepAliveMs],
        );
        assert(known[0]!.atMs < byMs, `known after ${known[0]!.atMs} ms`);
        assert(network.count <= 40, `${network.count} datagrams`);
      });
    }
  }

  it('too short, and another NAT half an hour later -> it is found that the usual is often enough again', async () => {
    behind(5_000);
    lifetime.measure({ at: RS, rttMs: 20 });
    await pass(time, HALF_AN_HOUR_MS);
    Object.assign(nat.kind, { forgetMs: 60_000 });
    await pass(time, 60_000);
    assert.deepEqual(
      known.map(({ keepAliveMs }) => keepAliveMs),
      [4_000, undefined],
    );
    const { count } = network;
    await pass(time, 2 * HALF_AN_HOUR_MS);
    assert.equal(network.count, count, 'and no more is sent');
  });

  it('every fifth datagram is lost -> the same is found', async () => {
    let count = 0;
    behind(10_000);
    network.lose = () => count++ % 5 === 0;
    lifetime.measure({ at: RS, rttMs: 20 });
    await pass(time, 40_000);
    assert.equal(known[0]?.keepAliveMs, 7_000);
  });

  it('the server knows nothing of it, or is silent -> nothing is told', async () => {
    behind(5_000);
    const hear = (from: Endpoint): boolean => from.address === RS.address;
    let answered = 0;
    network.lose = (from) => hear(from) && ++answered > 4; // where each is seen, and no more
    lifetime.measure({ at: RS, rttMs: 20 });
    await pass(time, 40_000);
    network.lose = () => true;
    lifetime.measure({ at: RS, rttMs: 20 });
    await pass(time, 40_000);
    assert.deepEqual(known, []);
  });

  it('given up before all of the first answers are there -> nothing is told', async () => {
    behind(5_000);
    let answers = 0;
    network.lose = (from) => from.address === RS.address && answers++ > 0;
    lifetime.measure({ at: RS, rttMs: 20 });
    await pass(time, 200);
    lifetime.stop();
    await pass(time, 40_000);
    assert.deepEqual(known, []);
  });

  it('given up in the middle -> nothing is told', async () => {
    behind(5_000);
    lifetime.measure({ at: RS, rttMs: 20 });
    await pass(time, 6_000);
    lifetime.stop();
    await pass(time, 40_000);
    assert.deepEqual(known, []);
  });
});
