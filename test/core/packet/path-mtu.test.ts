/** Path MTU discovery between two packet modules, over a wire that loses what is too large. */
import assert from 'node:assert/strict';
import { innerMtu, PathMtus } from '../../../core/packet/path-mtu';
import { decodePathMessage, encodePathMessage } from '../../../core/packet/path-probe';
import type { Tunnel } from '../../../core/packet/wireguard/tunnel';
import { TunnelPair } from '../../support/tunnel-pair';
import { SeededRandom } from '../../support/virtual-time';

const IPV4_AND_UDP = 28;

class Paths {
  readonly pair: TunnelPair;
  readonly found: number[] = [];
  readonly tunnel: Tunnel;
  readonly mtus: PathMtus;
  /** The largest outer packet that arrives, from a and from b. */
  largest = { a: Infinity, b: Infinity };
  loss = 0;
  /** Packets larger than this are cut by the host, and arrive: what a router had told it. */
  learned = Infinity;
  /** So many were. */
  cut = 0;
  /** The router tells the host at once. */
  told = false;

  constructor({ seed = 1, interfaceMtu = 65_536, answering = true } = {}) {
    const random = new SeededRandom(seed);
    this.pair = new TunnelPair(seed);
    const { pair } = this;
    pair.meddle = (datagram, sender, forward) => {
      const outer = datagram.length + IPV4_AND_UDP;
      const cut = sender === 'a' && outer > this.learned;
      if (cut) this.cut++;
      else if (outer > this.largest[sender] && this.told) this.learned = this.largest[sender];
      if ((!cut && outer > this.largest[sender]) || random.chance(this.loss)) return;
      forward(datagram);
    };
    const mtusOf = (onMtu: (tunnel: Tunnel, mtu: number) => void): PathMtus =>
      new PathMtus({
        ...{ clock: pair.time, timers: pair.time, random, onMtu },
        interfaceMtu: async () => interfaceMtu,
        cutPackets: async () => this.cut,
      });
    this.mtus = mtusOf((_, mtu) => this.found.push(mtu));
    const theirs = mtusOf(() => {});
    pair.a.onControl = (control, tunnel) => this.mtus.receive(control, tunnel);
    pair.b.onControl = (control, tunnel) => answering && theirs.receive(control, tunnel);
    pair.a.onEvent = (event) => {
      if (event.kind === 'established' || event.kind === 'roamed') this.mtus.look(event.tunnel);
    };
    [this.tunnel] = pair.introduceBoth();
  }

  async establish(): Promise<void> {
    this.tunnel.requestTunnel();
    await this.pass(100);
  }

  async pass(ms: number): Promise<void> {
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setImmediate(resolve)); // the interface is looked up asynchronously
      this.pair.time.advance(ms / 10);
    }
  }

  outerOfSent(): number[] {
    return this.pair.sent.filter(({ sender }) => sender === 'a').map(({ datagram }) => datagram.length + IPV4_AND_UDP);
  }
}

describe('path MTU', () => {
  for (const [largest, outer] of [
    [1_280, 1_280],
    [1_400, 1_380],
    [1_500, 1_500],
    [9_000, 9_000],
    [65_536, 16_504],
  ] as const) {
    it(`new tunnel on a path of ${largest} bytes -> packets of ${outer} within a round trip`, async () => {
      const paths = new Paths();
      paths.largest = { a: largest, b: largest };
      await paths.establish();
      const expected = outer === 1_280 ? 1_200 : outer - 60;
      assert.equal(paths.tunnel.mtu, expected);
      assert.equal(paths.found.at(-1) ?? 1_200, expected);
      paths.pair.close();
    });
  }

  it('path that is narrow in the other direction only -> own packets are not limited by it', async () => {
    const paths = new Paths();
    paths.largest = { a: 9_000, b: 1_280 };
    await paths.establish();
    assert.equal(paths.tunnel.mtu, 9_000 - 60);
    paths.pair.close();
  });

  it('interface of 1,500 bytes -> nothing larger is tried, since the host would fragment it', async () => {
    const paths = new Paths({ interfaceMtu: 1_500 });
    await paths.establish();
    assert.equal(paths.tunnel.mtu, 1_440);
    assert.equal(Math.max(...paths.outerOfSent()), 1_500);
    paths.pair.close();
  });

  it('router answers before the next probe is sent -> what arrives in fragments does not count', async () => {
    for (const [largest, inner] of [
      [1_280, 1_200],
      [1_400, 1_320],
      [1_500, 1_440],
      [9_000, 8_940],
    ] as const) {
      const paths = new Paths();
      paths.largest = { a: largest, b: 65_536 };
      paths.told = true;
      await paths.establish();
      assert.equal(paths.tunnel.mtu, inner);
      assert.ok(paths.cut > 0);
      paths.pair.close();
    }
  });

  it('other programs send much that is cut -> it tells nothing of the probes', async () => {
    const paths = new Paths({ interfaceMtu: 1_500 });
    const { meddle } = paths.pair;
    paths.pair.meddle = (datagram, sender, forward) => {
      paths.cut += 100;
      meddle(datagram, sender, forward);
    };
    await paths.establish();
    assert.equal(paths.tunnel.mtu, 1_440);
    paths.pair.close();
  });

  it('path falls, and the host cuts what is sent -> found at the next new session', async () => {
    const paths = new Paths();
    paths.largest = { a: 9_000, b: 65_536 };
    await paths.establish();
    paths.largest = { a: 1_460, b: 65_536 };
    paths.learned = 1_460;
    paths.cut += 50;
    paths.tunnel.requestTunnel();
    await paths.pass(100);
    assert.equal(paths.tunnel.mtu, 1_400);
    paths.pair.close();
  });

  it('peer that knows no probes -> the least MTU, nothing dropped as an attack, nothing sent again', async () => {
    const paths = new Paths({ answering: false });
    await paths.establish();
    const sent = paths.pair.sent.length;
    await paths.pass(9_000);
    assert.equal(paths.tunnel.mtu, 1_200);
    assert.deepEqual(
      paths.pair.sent.slice(sent).filter(({ sender }) => sender === 'a'),
      [],
    );
    paths.pair.close();
  });

  it('20 seeds, 5 % of datagrams lost -> never more than the path carries, and mostly what it carries', async () => {
    let best = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const paths = new Paths({ seed });
      paths.largest = { a: 1_500, b: 1_500 };
      paths.loss = 0.05;
      await paths.establish();
      assert.ok(paths.tunnel.mtu <= 1_440, `${paths.tunnel.mtu} (seed ${seed})`);
      if (paths.tunnel.mtu === 1_440) best++;
      paths.pair.close();
    }
    assert.ok(best >= 16, `${best} of 20`);
  });

  it('found, path falls without a word: TCP stalls -> the least MTU at once, then what the path carries now', async () => {
    const paths = new Paths();
    paths.largest = { a: 9_000, b: 9_000 };
    await paths.establish();
    await paths.pass(2_000);
    paths.largest = { a: 1_420, b: 1_420 };
    paths.mtus.stalled(paths.tunnel);
    assert.equal(paths.tunnel.mtu, 1_200);
    await paths.pass(100);
    assert.equal(paths.tunnel.mtu, 1_360);
    paths.pair.close();
  });

  it('path is gone for half a minute, TCP stalls -> asked again until there is an answer, and then no more', async () => {
    const paths = new Paths();
    await paths.establish();
    await paths.pass(2_000);
    paths.loss = 1;
    paths.mtus.stalled(paths.tunnel);
    for (let i = 0; i < 10; i++) {
      await paths.pass(3_000);
      paths.mtus.stalled(paths.tunnel); // of each connection, again and again
    }
    assert.equal(paths.tunnel.mtu, 1_200);
    assert.equal(paths.outerOfSent().filter((outer) => outer === 16_504).length, 2 * (1 + 5), 'five in 31 s');
    paths.loss = 0;
    await paths.pass(40_000);
    assert.equal(paths.tunnel.mtu, innerMtu(16_504, paths.tunnel.path));
    const probes = paths.outerOfSent().filter((outer) => outer === 16_504).length;
    await paths.pass(60_000);
    assert.equal(paths.outerOfSent().filter((outer) => outer === 16_504).length, probes);
    paths.pair.close();
  });

  it('found, and doubted: the least MTU without a word; believed -> what was found; or left: it is not brought back', async () => {
    const paths = new Paths();
    paths.largest.a = 1_500;
    await paths.establish();
    const { mtus, tunnel, found } = paths;
    const before = tunnel.mtu;
    const told = found.length;
    assert.equal(mtus.doubt(tunnel), tunnel.mtu);
    assert.ok(tunnel.mtu < before);
    assert.equal(found.length, told);
    mtus.believe(tunnel);
    assert.deepEqual([tunnel.mtu, found.length], [before, told + 1]);
    mtus.doubt(tunnel);
    mtus.leave(tunnel);
    mtus.believe(tunnel);
    assert.ok(tunnel.mtu < before);
  });

  it('peer moves to a narrower path -> the least MTU, then the new path is searched', async () => {
    const paths = new Paths();
    paths.largest = { a: 9_000, b: 9_000 };
    await paths.establish();
    paths.largest = { a: 1_460, b: 1_460 };
    paths.pair.b.endpoint = { address: '192.0.2.77', port: 7 };
    paths.pair.say(paths.pair.b, 'here I am');
    await paths.pass(100);
    assert.deepEqual(paths.found.slice(paths.found.lastIndexOf(1_200)), [1_200, 1_320, 1_360, 1_400]);
    paths.pair.close();
  });

  it('answers with a wrong challenge, and of a length that was not asked -> change nothing', async () => {
    const paths = new Paths();
    paths.largest = { a: 1_280, b: 1_280 };
    await paths.establish();
    const answer = (challenge: Uint8Array, length: number): Uint8Array =>
      encodePathMessage({ kind: 'answer', challenge, length });
    const probe: { challenge: Uint8Array } = { challenge: new Uint8Array(8) };
    paths.pair.b.onControl = (control) => {
      const message = decodePathMessage(control);
      if (message) probe.challenge = message.challenge;
      return true;
    };
    await paths.pass(2_000);
    paths.mtus.stalled(paths.tunnel);
    await paths.pass(100);
    assert.ok(paths.mtus.receive(answer(new Uint8Array(8), 1_440), paths.tunnel));
    assert.ok(paths.mtus.receive(answer(probe.challenge, 1_441), paths.tunnel));
    assert.equal(paths.tunnel.mtu, 1_200);
    assert.ok(paths.mtus.receive(answer(probe.challenge, 1_440), paths.tunnel));
    assert.equal(paths.tunnel.mtu, 1_440);
    paths.pair.close();
  });

  it('control that is no path message, or a probe shorter than it says -> not dealt with', () => {
    assert.equal(decodePathMessage(new Uint8Array(10)), undefined);
    assert.equal(decodePathMessage(new Uint8Array(32)), undefined);
    const probe = encodePathMessage({ kind: 'probe', challenge: new Uint8Array(8), length: 1_440 });
    assert.equal(decodePathMessage(probe.subarray(0, 1_439)), undefined);
    assert.deepEqual(decodePathMessage(probe), { kind: 'probe', challenge: new Uint8Array(8), length: 1_440 });
  });
});
