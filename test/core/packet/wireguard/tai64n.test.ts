import assert from 'node:assert/strict';
import { TimestampSource } from '../../../../core/packet/wireguard/tai64n';
import { SeededRandom } from '../../../support/virtual-time';

const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

describe('TAI64N', () => {
  it('the Unix epoch and a known second -> label 2^62 + 10 + seconds, nanoseconds in grains of 2^24', () => {
    assert.equal(hex(new TimestampSource().next(0)), '400000000000000a00000000');
    assert.equal(hex(new TimestampSource().next(1_700_000_000_999.9)), '400000006553f10a3b000000');
    assert.equal(hex(new TimestampSource().next(1_700_000_000_016)), '400000006553f10a00000000', '16 ms: no grain yet');
    assert.equal(hex(new TimestampSource().next(1_700_000_000_017)), '400000006553f10a01000000');
  });

  it('any clock, also one set back -> every timestamp is greater than the one before', () => {
    const source = new TimestampSource();
    const random = new SeededRandom(64);
    let [last, now] = [source.next(0), 1_700_000_000_000];
    for (let i = 0; i < 20_000; i++) {
      now += random.below(40) - 20 + (random.chance(0.01) ? random.below(100_000) - 50_000 : 0);
      const next = source.next(now);
      assert.ok(Buffer.compare(next, last) > 0, `${hex(last)} then ${hex(next)}`);
      assert.ok(Buffer.from(next).readUInt32BE(8) < 1e9);
      last = next;
    }
  });

  it('the last nanosecond of a second -> the next second follows', () => {
    const source = new TimestampSource();
    (source as unknown as { last: Uint8Array }).last = Buffer.from('400000006553f10a3b9ac9ff', 'hex');
    assert.equal(hex(source.next(0)), '400000006553f10b00000000');
  });

  it('a timestamp is changed by its receiver -> the source is not', () => {
    const source = new TimestampSource();
    source.next(1_000).fill(0xff);
    assert.equal(hex(source.next(1_000)), '400000000000000b00000001');
  });
});
