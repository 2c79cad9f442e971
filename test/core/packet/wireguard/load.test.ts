import assert from 'node:assert/strict';
import { SourceLimiter } from '../../../../core/packet/wireguard/load';
import { TunnelPair } from '../../../support/tunnel-pair';
import { VirtualTime } from '../../../support/virtual-time';

describe('source limiter', () => {
  it('an address spends its burst -> refused, then one every 50 ms; others are not touched', () => {
    const time = new VirtualTime();
    const limiter = new SourceLimiter(time);
    const admitted = Array.from({ length: 8 }, () => limiter.admits('192.0.2.1'));
    assert.deepEqual(admitted, [true, true, true, true, true, false, false, false]);
    assert.equal(limiter.admits('192.0.2.2'), true);
    time.advance(49);
    assert.equal(limiter.admits('192.0.2.1'), false);
    time.advance(1);
    assert.equal(limiter.admits('192.0.2.1'), true);
    assert.equal(limiter.admits('192.0.2.1'), false);
  });

  it('as many addresses as it keeps: another comes -> refused until old ones are forgotten', () => {
    const time = new VirtualTime();
    const limiter = new SourceLimiter(time);
    for (let i = 0; i < 4_096; i++) limiter.admits(`source ${i}`);
    assert.equal(limiter.admits('one more'), false);
    time.advance(250);
    assert.equal(limiter.admits('one more'), true);
  });
});

describe('under load', () => {
  let pair: TunnelPair;
  beforeEach(() => (pair = new TunnelPair(53)));
  afterEach(() => pair.close());

  const typesOf = (sender: 'a' | 'b'): number[] =>
    pair.sent.filter((each) => each.sender === sender).map(({ datagram }) => datagram[0]!);

  it('both sides: A requests -> cookies for the initiation and for the response, then established', () => {
    pair.a.isUnderLoad = pair.b.isUnderLoad = () => true;
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(3_000);
    assert.deepEqual(typesOf('a').slice(0, 3), [1, 1, 3]);
    assert.deepEqual(typesOf('b').slice(0, 2), [3, 2]);
    assert.ok(pair.a.events.includes('established') && pair.b.events.includes('established'));
  });

  it('B: the cookie is used from another address -> asked for again, not answered', () => {
    pair.b.isUnderLoad = () => true;
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(100);
    pair.a.endpoint = { address: '203.0.113.1', port: 5 };
    pair.time.advance(160);
    assert.deepEqual(typesOf('b'), [3, 3]);
  });

  it('B: the cookie is older than 120 s -> a new one is asked for', () => {
    pair.b.isUnderLoad = () => true;
    const [a] = pair.introduceBoth();
    a.requestTunnel();
    pair.time.advance(1_000);
    pair.time.advance(120_000);
    const before = typesOf('b').length;
    a.requestTunnel();
    pair.time.advance(20);
    assert.deepEqual(typesOf('b').slice(before), [3]);
  });

  it('A: a cookie reply that was changed on the way -> not believed', () => {
    pair.b.isUnderLoad = () => true;
    pair.meddle = (datagram, _, forward) => {
      if (datagram[0] === 3) datagram[40]! ^= 1;
      forward(datagram);
    };
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(3_000);
    assert.ok(!typesOf('b').includes(2));
    assert.ok(pair.a.module.drops.get('cookie')! > 0);
  });

  it('B: a proven address sends more than its share -> refused, with nothing answered', () => {
    pair.b.isUnderLoad = () => true;
    const [a] = pair.introduceBoth();
    a.requestTunnel();
    pair.time.advance(100);
    for (let i = 0; i < 20; i++) a.requestTunnel();
    pair.time.advance(20);
    assert.equal(pair.b.module.drops.get('rate'), 15);
  });
});
