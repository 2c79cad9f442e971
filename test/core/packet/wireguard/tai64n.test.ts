import assert from 'node:assert/strict';
import { TimestampSource } from '../../../../core/packet/wireguard/tai64n';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('timestamps', () => {
  it('the Unix epoch -> 2^62 and the ten leap seconds of TAI then', () => {
    assert.equal(hex(new TimestampSource().next(0)), '400000000000000a00000000');
  });

  it('milliseconds -> rounded down to the grain, which hides the clock', () => {
    const at = (wallTimeMs: number): string => hex(new TimestampSource().next(wallTimeMs));
    assert.equal(at(1_735_689_600_250), '400000006774858a0e000000');
    assert.equal(at(1_735_689_600_250), at(1_735_689_600_251.5));
  });

  it('many in one instant, the clock set back an hour -> each is later than the one before', () => {
    const source = new TimestampSource();
    let last = Buffer.alloc(12);
    for (const wallTimeMs of [1e12, 1e12, 1e12 + 1, 1e12 - 3_600_000, 1e12, 1e12 + 100, 1e12 + 99]) {
      const next = Buffer.from(source.next(wallTimeMs));
      assert.ok(Buffer.compare(next, last) > 0, `${next.toString('hex')} after ${last.toString('hex')}`);
      last = next;
    }
  });
});
