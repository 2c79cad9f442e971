/** What the white paper says of time: sections 5.1 (timestamps), 6.1 to 6.5 (rekeying, keepalives). */
import assert from 'node:assert/strict';
import { TunnelPair } from '../../../support/tunnel-pair';

describe('lifetime of a session', () => {
  let pair: TunnelPair;
  beforeEach(() => (pair = new TunnelPair(61)));
  afterEach(() => {
    pair.close();
    pair.time.advance(100); // what is still on the wire
    assert.equal(pair.time.pendingCount, 0);
  });

  function establish(): void {
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(100);
    assert.ok(pair.a.events.includes('established') && pair.b.events.includes('established'));
  }

  const count = (sender: 'a' | 'b', type: number): number =>
    pair.sent.filter((each) => each.sender === sender && each.datagram[0] === type).length;

  it('established at 10 ms: a packet at 119.9 s and one at 120.1 s -> only the second renews', () => {
    establish();
    pair.time.advance(119_800);
    pair.say(pair.a, 'early');
    assert.equal(count('a', 1), 1);
    pair.time.advance(200);
    assert.equal(pair.say(pair.a, 'due'), 'sent');
    assert.equal(count('a', 1), 2);
    pair.time.advance(100);
    assert.deepEqual(pair.b.packets, ['early', 'due']);
  });

  it("established: the responder sends after 120 s -> it does not renew; that is the initiator's to do", () => {
    establish();
    pair.time.advance(125_000);
    assert.equal(pair.say(pair.b, 'late'), 'sent');
    pair.time.advance(100);
    assert.equal(count('b', 1), 0);
    assert.deepEqual(pair.a.packets, ['late']);
  });

  it('established: a datagram is held back for 180 s -> the session takes no more of them', () => {
    establish();
    let held: Uint8Array | undefined;
    const { meddle } = pair;
    pair.meddle = (datagram) => (held ??= datagram);
    pair.say(pair.a, 'too late');
    pair.meddle = meddle;
    pair.time.advance(180_000);
    pair.b.module.receive(held!, { kind: 'direct', endpoint: pair.a.endpoint });
    assert.deepEqual(pair.b.packets, []);
    assert.equal(pair.b.module.drops.get('expired session'), 1);
  });

  it('established: a packet after 180 s -> waits for a new session', () => {
    establish();
    pair.time.advance(180_000);
    assert.equal(pair.say(pair.a, 'fresh'), 'queued');
    pair.time.advance(100);
    assert.deepEqual(pair.b.packets, ['fresh']);
  });

  it('established: renewal is lost again and again -> packets flow under the old session meanwhile', () => {
    establish();
    pair.time.advance(121_000);
    pair.meddle = (datagram, _, forward) => datagram[0] !== 1 && forward(datagram);
    for (let i = 0; i < 50; i++) {
      assert.equal(pair.say(pair.a, String(i)), 'sent');
      pair.time.advance(1_000);
    }
    assert.equal(pair.b.packets.length, 50);
    assert.ok(count('a', 1) <= 1 + 10, 'one initiation in 5 s, not one for each packet');
    pair.meddle = (datagram, _, forward) => forward(datagram);
    pair.time.advance(6_000);
    assert.equal(pair.a.events.filter((event) => event === 'established').length, 2);
  });

  it('established: both sides hear an old initiation again, from elsewhere -> refused, the path stays', () => {
    establish();
    const b = pair.introduceAtB();
    const initiation = pair.sent.find(({ datagram }) => datagram[0] === 1)!.datagram;
    pair.b.module.receive(initiation, { kind: 'direct', endpoint: { address: '203.0.113.9', port: 9 } });
    assert.equal(pair.b.module.drops.get('replayed'), 1);
    assert.equal(b.path.endpoint.address, pair.a.endpoint.address);
    assert.equal(count('b', 2), 1);
  });

  it('established: a response comes twice -> the second is nothing', () => {
    pair.meddle = (datagram, _, forward) => {
      forward(datagram);
      forward(datagram);
    };
    establish();
    pair.say(pair.a, 'once');
    pair.time.advance(100);
    assert.equal(pair.a.events.filter((event) => event === 'response-received').length, 1);
    assert.deepEqual(pair.b.packets, ['once']);
  });

  it('established: introduced again with another pre-shared key -> the session goes on, the next has the new key', () => {
    establish();
    const [a] = [pair.introduceAtA(new Uint8Array(32).fill(7)), pair.introduceAtB(new Uint8Array(32).fill(7))];
    assert.equal(pair.say(pair.a, 'old key'), 'sent');
    a.requestTunnel();
    pair.time.advance(100);
    assert.equal(pair.say(pair.a, 'new key'), 'sent');
    pair.time.advance(100);
    assert.deepEqual(pair.b.packets, ['old key', 'new key']);
    assert.equal(pair.a.events.filter((event) => event === 'established').length, 2);
  });

  it('established, persistent keepalive of 25 s: nobody speaks -> one datagram in 25 s, and it never expires', () => {
    const path = { kind: 'direct', endpoint: pair.b.endpoint } as const;
    const { presharedKey } = pair;
    const tunnel = pair.a.module.setTunnel({
      ...{ fqdn: 'b.test', publicKey: pair.b.module.publicKey, presharedKey, virtualAddresses: pair.b.address, path },
      persistentKeepaliveMs: 25_000,
    });
    pair.introduceAtB();
    tunnel.requestTunnel();
    pair.time.advance(100_100);
    assert.equal(count('a', 4), 1 + 4);
    assert.equal(count('b', 4), 0, 'a keep alive is not answered');
    pair.time.advance(600_000);
    assert.equal(tunnel.state, 'established');
    assert.ok(!pair.a.events.includes('expired'));
  });

  it('requesting: nobody is there -> the waits grow from 250 ms to 5 s and a little, each initiation is another', () => {
    pair.meddle = () => {};
    pair.introduceAtA().requestTunnel();
    const times: number[] = [0];
    for (let ms = 1; ms <= 20_000; ms++) {
      const before = count('a', 1);
      pair.time.advance(1);
      if (count('a', 1) > before) times.push(ms);
    }
    const waits = times.slice(1).map((ms, i) => ms - times[i]!);
    assert.deepEqual(waits.slice(0, 4), [250, 500, 1_000, 2_000]);
    assert.ok(
      waits.slice(4).every((ms) => ms >= 5_000 && ms <= 5_334),
      String(waits),
    );
    assert.equal(new Set(pair.sent.map(({ datagram }) => Buffer.from(datagram).toString('hex'))).size, times.length);
  });

  it('requesting: the answer to an older request comes after a newer was sent -> ignored, the newer completes', () => {
    pair.introduceBoth()[0].requestTunnel();
    const late: (() => void)[] = [];
    pair.meddle = (datagram, sender, forward) => {
      if (sender === 'b' && late.length === 0) late.push(() => forward(datagram));
      else forward(datagram);
    };
    pair.time.advance(252);
    late[0]!();
    pair.time.advance(100);
    assert.equal(pair.a.events.filter((event) => event === 'response-received').length, 1);
    assert.equal(pair.say(pair.a, 'through'), 'sent');
    pair.time.advance(10);
    assert.deepEqual(pair.b.packets, ['through']);
  });
});
