import assert from 'node:assert/strict';
import { pathSource } from '../../../../core/packet/path';
import { RateLimiter } from '../../../../core/packet/wireguard/rate-limiter';
import { VirtualTime } from '../../../support/virtual-time';

describe('rate limiter', () => {
  it('one source asks without pause -> a burst of 5, then 20 a second; another is not held back', () => {
    const time = new VirtualTime();
    const rates = new RateLimiter(time);
    const admitted = (): number => Array.from({ length: 50 }, () => rates.admits('a')).filter(Boolean).length;
    assert.equal(admitted(), 5);
    let inOneSecond = 0;
    for (let i = 0; i < 20; i++) {
      time.advance(50);
      inOneSecond += admitted();
    }
    assert.equal(inOneSecond, 20);
    assert.equal(rates.admits('b'), true);
  });

  it('sources without end -> memory is bounded', () => {
    const rates = new RateLimiter(new VirtualTime());
    for (let i = 0; i < 10_000; i++) rates.admits(String(i));
    assert.equal((rates as unknown as { buckets: Map<string, unknown> }).buckets.size, 4_096);
  });

  it('ports of a host and addresses of an IPv6 /64 -> one source; relay allocations -> one each', () => {
    const source = (address: string, port: number): string =>
      pathSource({ kind: 'direct', endpoint: { address, port } });
    assert.equal(source('192.0.2.1', 1), source('192.0.2.1', 2));
    assert.notEqual(source('192.0.2.1', 1), source('192.0.2.2', 1));
    assert.equal(source('2001:db8::1', 1), source('2001:db8::ffff:1', 2));
    assert.notEqual(source('2001:db8::1', 1), source('2001:db8:0:1::1', 1));
    const relayed = (id: number): string =>
      pathSource({
        ...{ kind: 'relay', endpoint: { address: '192.0.2.1', port: 1 } },
        pathId: new Uint8Array(8).fill(id),
      });
    assert.notEqual(relayed(1), relayed(2));
  });
});
