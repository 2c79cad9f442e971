import assert from 'node:assert/strict';
import { TunnelPair } from '../../../support/tunnel-pair';

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
