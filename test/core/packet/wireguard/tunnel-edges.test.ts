/** Tunnels at the edges of their states: expiry, closing at any moment, limits, what is left behind. */
import assert from 'node:assert/strict';
import { nodeCipher, type CipherFactory } from '../../../../core/packet/wireguard/cipher';
import type { TunnelEvent } from '../../../../core/packet/packet-module';
import type { Path } from '../../../../core/packet/path';
import { type End, ipv4Packet, TunnelPair } from '../../../support/tunnel-pair';

const SEED = 20262;

describe('tunnel at its edges', () => {
  let pair: TunnelPair;
  let live: Set<object>;
  beforeEach(() => {
    live = new Set();
    pair = new TunnelPair(SEED, counting(live));
  });
  afterEach(() => {
    pair.close();
    pair.time.advance(10); // what is on the wire arrives
    assert.equal(pair.time.pendingCount, 0, 'no timer is left after close');
    assert.equal(live.size, 0, 'every cipher is destroyed after close');
    for (const end of [pair.a, pair.b]) assert.equal(indexCount(end), 0, 'every index is released after close');
  });

  function establish(): void {
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(100);
    assert.ok(pair.a.events.includes('established') && pair.b.events.includes('established'));
  }

  const times = (end: End, event: string): number => end.events.filter((each) => each === event).length;

  it('answered, never confirmed: 540 s pass -> the keys are gone', () => {
    pair.meddle = (datagram, sender, forward) => sender === 'a' && datagram[0] === 1 && forward(datagram);
    const [a] = pair.introduceBoth();
    a.requestTunnel();
    pair.time.advance(20);
    assert.equal(live.size, 2, 'B has a session: one cipher for each direction');
    pair.meddle = () => {};
    pair.time.advance(540_000);
    assert.equal(live.size, 0);
    assert.equal(pair.b.events.at(-1), 'expired');
  });

  it('idle: a packet waits when the old keys run out -> it is not forgotten with them', () => {
    establish();
    pair.time.advance(539_000);
    pair.meddle = () => {};
    assert.equal(pair.say(pair.a, 'late'), 'queued');
    pair.time.advance(2_000);
    assert.equal(times(pair.a, 'expired'), 0, 'a Tunnel Request is under way');
    pair.meddle = (datagram, _, forward) => forward(datagram);
    pair.time.advance(6_000);
    assert.deepEqual(pair.b.packets, ['late']);
  });

  it('idle after 180 s: the first request is lost -> the next follows in 250 ms, as for a new tunnel', () => {
    establish();
    pair.time.advance(200_000);
    pair.meddle = () => {};
    pair.say(pair.a, 'again');
    pair.meddle = (datagram, _, forward) => forward(datagram);
    pair.time.advance(300);
    assert.deepEqual(pair.b.packets, ['again']);
  });

  it('requesting: packets keep coming -> not given up while somebody wants it, 90 s later it is', () => {
    pair.meddle = () => {};
    pair.introduceAtA();
    for (let i = 0; i < 30; i++) {
      pair.say(pair.a, String(i));
      pair.time.advance(10_000);
    }
    assert.equal(times(pair.a, 'expired'), 0);
    pair.time.advance(90_000);
    assert.equal(times(pair.a, 'expired'), 1);
    const before = pair.sent.length;
    pair.time.advance(600_000);
    assert.equal(pair.sent.length, before, 'and then it is silent');
  });

  it('the key of the peer is of low order: packets are sent -> given up at once, tried again after 5 s', () => {
    pair.a.module.setTunnel({
      ...{ fqdn: 'x.test', publicKey: new Uint8Array(32), presharedKey: pair.presharedKey },
      virtualAddresses: pair.b.address,
      path: { kind: 'direct', endpoint: pair.b.endpoint },
    });
    for (let i = 0; i < 50; i++) pair.say(pair.a, String(i));
    assert.deepEqual(pair.a.events, ['expired']);
    pair.time.advance(5_000);
    pair.say(pair.a, 'again');
    assert.deepEqual(pair.a.events, ['expired', 'expired']);
    assert.deepEqual(pair.sent, []);
  });

  it('requesting: the response to a superseded request comes late -> dropped; the newest one counts', () => {
    const late: (() => void)[] = [];
    pair.meddle = (datagram, sender, forward) => {
      if (sender === 'b' && late.length === 0) late.push(() => forward(datagram));
      else forward(datagram);
    };
    const [a] = pair.introduceBoth();
    a.requestTunnel();
    pair.time.advance(255);
    late[0]!();
    pair.time.advance(10);
    assert.equal(pair.a.events.at(-1), 'dropped: not authentic');
    pair.time.advance(50);
    assert.equal(a.state, 'established');
    assert.equal(indexCount(pair.a), 1);
  });

  it('answered: the packet that confirms the keys comes -> what waited at the responder is sent', () => {
    const [a] = pair.introduceBoth();
    a.requestTunnel();
    pair.time.advance(11);
    assert.equal(pair.say(pair.b, 'waiting'), 'queued');
    pair.time.advance(100);
    assert.deepEqual(pair.a.packets, ['waiting']);
    assert.equal(indexCount(pair.b), 1, 'no index of the abandoned request is left');
  });

  it('established: garbage, forged and replayed handshakes -> no index, session or timer more', () => {
    establish();
    const [indexes, ciphers] = [indexCount(pair.b), live.size];
    const from: Path = { kind: 'direct', endpoint: pair.a.endpoint };
    for (const { datagram } of [...pair.sent]) {
      for (let i = 0; i < 20; i++) pair.b.module.receive(datagram.slice(), from);
    }
    assert.equal(indexCount(pair.b), indexes);
    assert.equal(live.size, ciphers);
  });

  for (const kind of ['request-received', 'response-sent', 'response-received', 'established', 'keepalive-sent']) {
    it(`${kind}: the tunnel is removed from inside the event -> nothing is left, nothing thrown`, () => {
      for (const [end, other] of [
        [pair.a, pair.b],
        [pair.b, pair.a],
      ] as const) {
        onEvent(end, (event) => event.kind === kind && end.module.removeTunnel(other.module.publicKey));
      }
      const [a] = pair.introduceBoth();
      a.requestTunnel();
      pair.say(pair.b, 'crossing');
      pair.time.advance(1_000);
    });
  }

  it('removed: requested, sent and closed again -> nothing happens', () => {
    const [a] = pair.introduceBoth();
    pair.a.module.removeTunnel(pair.b.module.publicKey);
    a.requestTunnel();
    assert.equal(a.send(new Uint8Array(40)), false);
    a.close();
    assert.deepEqual(pair.sent, []);
    assert.equal(pair.time.pendingCount, 0);
  });

  it('established: a packet longer than a datagram -> malformed, nothing thrown', () => {
    establish();
    const text = (length: number): string => 'x'.repeat(length - 20);
    const encapsulated = (length: number): string =>
      pair.a.module.encapsulate(ipv4Packet(pair.a.address.ipv4, pair.b.address.ipv4, text(length)));
    assert.equal(encapsulated(65_472), 'sent');
    assert.ok(pair.sent.at(-1)!.datagram.length <= 65_507);
    assert.equal(encapsulated(65_473), 'malformed');
    const ipv6 = new Uint8Array(40 + 65_535).fill(0xff, 4, 6);
    ipv6[0] = 0x60;
    assert.equal(pair.a.module.encapsulate(ipv6), 'malformed');
  });

  it('introduced: the caller overwrites its copy of the pre-shared key -> established all the same', () => {
    const mine = pair.presharedKey.slice();
    const a = pair.introduceAtA(mine);
    pair.introduceAtB();
    mine.fill(0);
    a.requestTunnel();
    pair.time.advance(100);
    assert.equal(a.state, 'established');
  });

  it('under load: one proved source sends on and on -> it is held to a rate', () => {
    pair.meddle = (datagram, sender, forward) => (sender === 'a' || datagram[0] === 3) && forward(datagram);
    pair.introduceBoth()[0].requestTunnel();
    const from: Path = { kind: 'direct', endpoint: pair.a.endpoint };
    const first = pair.sent[0]!.datagram;
    for (let i = 0; i < 201; i++) pair.b.module.receive(first.slice(), from);
    pair.time.advance(260);
    const proved = pair.sent.filter(({ datagram, sender }) => sender === 'a' && datagram[0] === 1).at(-1)!.datagram;
    assert.ok(
      proved.subarray(132).some((byte) => byte !== 0),
      'the second request carries mac2',
    );
    for (let i = 0; i < 400; i++) pair.b.module.receive(proved.slice(), from);
    assert.ok((pair.b.module.drops.get('rate') ?? 0) > 180);
  });
});

/** node:crypto's cipher, known to `live` until it is destroyed. */
function counting(live: Set<object>): CipherFactory {
  return (key) => {
    const cipher = nodeCipher(key);
    const counted = { ...cipher, destroy: () => void (live.delete(counted), cipher.destroy()) };
    live.add(counted);
    return counted;
  };
}

interface Insides {
  readonly indexes: Map<number, unknown>;
  readonly options: { onEvent(event: TunnelEvent): void };
}

function indexCount({ module }: End): number {
  return (module as unknown as Insides).indexes.size;
}

function onEvent({ module }: End, listener: (event: TunnelEvent) => void): void {
  const { options } = module as unknown as Insides;
  const before = options.onEvent.bind(options);
  options.onEvent = (event) => {
    before(event);
    listener(event);
  };
}
