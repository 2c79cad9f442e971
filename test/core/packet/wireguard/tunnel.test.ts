import assert from 'node:assert/strict';
import { nodeCipher } from '../../../../core/packet/wireguard/cipher';
import { ipv4Packet, TunnelPair } from '../../../support/tunnel-pair';
import { SeededRandom } from '../../../support/virtual-time';

const SEED = 20261;

describe('tunnel', () => {
  let pair: TunnelPair;
  beforeEach(() => (pair = new TunnelPair(SEED)));
  afterEach(() => {
    pair.close();
    pair.time.runUntilIdle();
    assert.equal(pair.time.pendingCount, 0, 'no timer is left after close');
  });

  function establish(): void {
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(100);
    assert.ok(pair.a.events.includes('established') && pair.b.events.includes('established'));
  }

  it('introduced: A requests -> established in both directions after one and a half round trips', () => {
    const [a, b] = pair.introduceBoth();
    a.requestTunnel();
    assert.equal(a.state, 'requesting');
    pair.time.advance(30);
    assert.deepEqual(pair.a.events, ['request-sent', 'response-received', 'keepalive-sent', 'established']);
    assert.deepEqual(pair.b.events, ['request-received', 'response-sent', 'established', 'keepalive-received']);
    assert.equal(a.state, 'established');
    assert.equal(b.state, 'established');
  });

  it('idle: packets are sent -> queued, then delivered in order', () => {
    pair.introduceBoth();
    assert.equal(pair.say(pair.a, 'one'), 'queued');
    assert.equal(pair.say(pair.a, 'two'), 'queued');
    pair.time.advance(30);
    assert.equal(pair.say(pair.a, 'three'), 'sent');
    pair.time.advance(10);
    assert.deepEqual(pair.b.packets, ['one', 'two', 'three']);
    assert.equal(pair.say(pair.b, 'back'), 'sent');
    pair.time.advance(10);
    assert.deepEqual(pair.a.packets, ['back']);
  });

  it('idle: more packets than the queue holds -> the oldest give way', () => {
    pair.introduceBoth();
    for (let i = 0; i < 200; i++) pair.say(pair.a, String(i));
    pair.time.advance(100);
    assert.equal(pair.b.packets.length, 128);
    assert.equal(pair.b.packets[0], '72');
    assert.equal(pair.a.module.drops.get('staged too many'), 72);
  });

  it('both request at once -> both established, data flows both ways', () => {
    for (const tunnel of pair.introduceBoth()) tunnel.requestTunnel();
    pair.time.advance(100);
    pair.say(pair.a, 'from a');
    pair.say(pair.b, 'from b');
    pair.time.advance(10);
    assert.deepEqual(pair.b.packets, ['from a']);
    assert.deepEqual(pair.a.packets, ['from b']);
  });

  it('requesting: the first request and the first response are lost -> established by the third request', () => {
    const lost = new Set<number>();
    pair.meddle = (datagram, _, forward) => {
      if (lost.has(datagram[0]!)) return forward(datagram);
      lost.add(datagram[0]!);
    };
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(249);
    assert.equal(pair.a.events.filter((event) => event === 'request-sent').length, 1);
    pair.time.advance(1_000);
    assert.equal(pair.a.events.filter((event) => event === 'request-sent').length, 3);
    assert.ok(pair.a.events.includes('established'));
  });

  it('requesting: nobody answers -> told after 5 s, given up after 90 s', () => {
    pair.meddle = () => {};
    const a = pair.introduceAtA();
    a.requestTunnel();
    pair.time.advance(4_999);
    assert.ok(!pair.a.events.includes('unanswered'));
    pair.time.advance(1);
    assert.ok(pair.a.events.includes('unanswered'));
    pair.time.advance(95_000);
    assert.equal(a.state, 'idle');
    assert.equal(pair.a.events.at(-1), 'expired');
  });

  it('B is not introduced yet: A requests -> held, and answered when the introduction comes', () => {
    pair.introduceAtA().requestTunnel();
    pair.time.advance(100);
    assert.deepEqual(pair.b.events, ['dropped: unknown peer']);
    assert.equal(pair.sent.filter(({ sender }) => sender === 'b').length, 0, 'a stranger is not answered');
    pair.introduceAtB();
    pair.time.advance(20);
    assert.deepEqual(pair.b.events.slice(1), [
      'request-received',
      'response-sent',
      'established',
      'keepalive-received',
    ]);
  });

  it('B is introduced too late: A requested -> the request is forgotten, nothing answered', () => {
    pair.introduceAtA().requestTunnel();
    pair.time.advance(100);
    pair.meddle = () => {};
    pair.time.advance(3_000);
    pair.introduceAtB();
    assert.ok(!pair.b.events.includes('request-received'), 'what is older than 3 s is forgotten');
  });

  it('the pre-shared keys differ: A requests -> never established', () => {
    pair.introduceAtA();
    pair.introduceAtB(new Uint8Array(32).fill(1));
    pair.say(pair.a, 'secret');
    pair.time.advance(3_000);
    assert.ok(!pair.a.events.includes('established'));
    assert.ok(pair.a.events.includes('dropped: not authentic'));
    assert.deepEqual(pair.b.packets, []);
  });

  it('established: 120 s pass with traffic -> a new session, and no packet is lost', () => {
    establish();
    const expected: string[] = [];
    for (let i = 0; i < 400; i++) {
      pair.say(pair.a, `a${i}`);
      pair.say(pair.b, `b${i}`);
      expected.push(String(i));
      pair.time.advance(1_000);
    }
    assert.deepEqual(
      pair.b.packets,
      expected.map((i) => `a${i}`),
    );
    assert.deepEqual(
      pair.a.packets,
      expected.map((i) => `b${i}`),
    );
    assert.equal(pair.a.events.filter((event) => event === 'established').length, 4);
  });

  it('established: A only receives -> A renews before B may no longer send', () => {
    establish();
    for (let i = 0; i < 300; i++) {
      assert.equal(pair.say(pair.b, String(i)), 'sent', `at ${i} s`);
      pair.time.advance(1_000);
    }
    assert.equal(pair.a.packets.length, 300);
  });

  it('established: nothing is sent -> silent, and the keys are forgotten after 540 s', () => {
    establish();
    const before = pair.sent.length;
    pair.time.advance(600_000);
    assert.equal(pair.sent.length, before);
    assert.equal(pair.a.events.at(-1), 'expired');
  });

  it('established: data comes and none goes back -> one keep alive after 10 s', () => {
    establish();
    pair.say(pair.a, 'hello');
    pair.time.advance(10_020);
    assert.equal(pair.b.events.at(-1), 'keepalive-sent');
    assert.equal(pair.b.events.filter((event) => event === 'keepalive-sent').length, 1);
  });

  it('established: the peer falls silent -> a new Tunnel Request after 15 s, told 5 s later', () => {
    establish();
    pair.meddle = () => {};
    pair.say(pair.a, 'anybody?');
    pair.time.advance(15_001);
    assert.equal(pair.a.events.at(-1), 'request-sent');
    pair.time.advance(5_400);
    assert.ok(pair.a.events.includes('unanswered'));
  });

  it('established: datagrams are replayed, duplicated and reordered -> each packet arrives once', () => {
    establish();
    const held: Uint8Array[] = [];
    pair.meddle = (datagram) => held.push(datagram);
    for (let i = 0; i < 50; i++) pair.say(pair.a, String(i));
    pair.meddle = (datagram, _, forward) => forward(datagram);
    const from = { kind: 'direct', endpoint: pair.a.endpoint } as const;
    for (const datagram of [...held.reverse(), ...held, ...pair.sent.map(({ datagram }) => datagram)]) {
      pair.b.module.receive(datagram.slice(), from);
    }
    assert.deepEqual(
      pair.b.packets,
      Array.from({ length: 50 }, (_, i) => String(49 - i)),
    );
    assert.ok(pair.b.module.drops.get('replayed')! > 50);
  });

  it('the peer moves: counted by path -> each path has what went over it, and the tunnel all of it', () => {
    establish();
    const [before, moved] = [pair.a.endpoint, { address: '203.0.113.9', port: 7 }];
    const tunnel = [...pair.b.module.tunnels][0]!;
    const handshake = { ...tunnel.counters };
    pair.say(pair.a, 'one');
    pair.time.advance(20);
    pair.a.endpoint = moved;
    pair.say(pair.a, 'two');
    pair.time.advance(20);
    pair.say(pair.b, 'back');
    pair.time.advance(20);
    const rows = [...tunnel.pathCounters].map(({ path, counters }) => ({ ...path.endpoint, ...counters }));
    const padded = tunnel.counters.receivedBytes - handshake.receivedBytes;
    assert.deepEqual(
      rows.map(({ port, receivedPackets, sentPackets }) => [port, receivedPackets, sentPackets]),
      [
        [before.port, handshake.receivedPackets + 1, handshake.sentPackets],
        [moved.port, 1, 1],
      ],
    );
    assert.equal(rows[0]!.receivedBytes + rows[1]!.receivedBytes, tunnel.counters.receivedBytes);
    assert.ok(padded > 0);
  });

  it('established: flipped bits and cut datagrams -> dropped, and the next good packet arrives', () => {
    establish();
    pair.meddle = (datagram, _, forward) => {
      for (let i = 0; i < datagram.length; i++) {
        const flipped = datagram.slice();
        flipped[i]! ^= 1 << (i % 8);
        forward(flipped);
        forward(datagram.slice(0, i));
      }
      forward(datagram);
    };
    pair.say(pair.a, 'whole');
    pair.time.advance(20);
    assert.deepEqual(pair.b.packets, ['whole']);
    assert.equal(pair.b.events.includes('roamed'), false);
  });

  it('any state: seeded garbage of every type and length -> nothing throws, the tunnel goes on', () => {
    establish();
    const random = new SeededRandom(SEED);
    const from = { kind: 'direct', endpoint: { address: '203.0.113.9', port: 9 } } as const;
    for (let i = 0; i < 2_000; i++) {
      const garbage = random.bytes(random.bytes(1)[0]!);
      if (garbage.length > 4) garbage.set([1 + (i % 4), 0, 0, 0]);
      pair.b.module.receive(garbage, from);
    }
    pair.say(pair.a, 'still here');
    pair.time.advance(10);
    assert.deepEqual(pair.b.packets, ['still here']);
    assert.ok(pair.b.events.length < 30, 'a flood does not flood the events');
  });

  it('established: A comes from another address -> B follows with the next packet', () => {
    establish();
    const b = pair.introduceAtB();
    pair.a.endpoint = { address: '203.0.113.7', port: 777 };
    pair.say(pair.a, 'moved');
    pair.time.advance(10);
    assert.deepEqual(pair.b.packets, ['moved']);
    assert.deepEqual(b.path, { kind: 'direct', endpoint: { address: '203.0.113.7', port: 777 } });
  });

  it('established: a packet with a source that is not the peer -> dropped', () => {
    establish();
    pair.a.module.encapsulate(ipv4Packet('198.18.0.9', pair.b.address.ipv4, 'forged'));
    pair.time.advance(10);
    assert.deepEqual(pair.b.packets, []);
    assert.equal(pair.b.module.drops.get('foreign source'), 1);
  });

  it('established: B restarts without memory -> A hears nothing until it is introduced again', () => {
    establish();
    pair.b.module.removeTunnel(pair.a.module.publicKey);
    pair.say(pair.a, 'lost');
    pair.time.advance(10);
    assert.equal(pair.b.events.at(-1), 'dropped: unknown session');
    pair.introduceAtB().requestTunnel();
    pair.time.advance(30);
    pair.say(pair.a, 'found');
    pair.time.advance(10);
    assert.deepEqual(pair.b.packets, ['found']);
  });

  it('established: B comes back with another key -> the new tunnel has its addresses, the old one is closed', () => {
    establish();
    const old = pair.introduceAtA();
    pair.say(pair.a, 'old');
    pair.time.advance(10);
    const restarted = new TunnelPair(SEED + 1);
    const { publicKey } = restarted.b.module;
    const { presharedKey } = pair;
    const path = { kind: 'direct', endpoint: pair.b.endpoint } as const;
    const renewed = pair.a.module.setTunnel({
      ...{ fqdn: 'b.test', publicKey, presharedKey, virtualAddresses: pair.b.address, path },
    });
    assert.equal(pair.say(pair.a, 'new'), 'queued');
    assert.equal(renewed.state, 'requesting');
    assert.equal(old.state, 'idle');
    restarted.close();
  });

  it('under load: requests from one source -> a cookie is asked for, and then answered', () => {
    pair.introduceBoth();
    const [first] = [pair.introduceAtA()];
    first.requestTunnel();
    const initiation = pair.sent[0]!.datagram;
    const flooder = { kind: 'direct', endpoint: { address: '203.0.113.9', port: 9 } } as const;
    for (let i = 0; i < 300; i++) pair.b.module.receive(initiation.slice(), flooder);
    assert.ok(pair.sent.some(({ sender, datagram }) => sender === 'b' && datagram[0] === 3));
    pair.time.advance(100);
    pair.time.advance(1_000);
    assert.ok(pair.a.events.includes('established'), 'the honest peer proves its address and gets in');
  });

  it('node:crypto instead of libsodium -> the same bytes on the wire', () => {
    const other = new TunnelPair(SEED, nodeCipher);
    for (const each of [pair, other]) {
      each.introduceBoth();
      each.say(each.a, 'the same words');
      each.time.advance(100);
      each.say(each.b, 'and back');
      each.time.advance(100);
    }
    assert.deepEqual(other.sent, pair.sent);
    assert.deepEqual(other.b.packets, ['the same words']);
    other.close();
  });
});
