import assert from 'node:assert/strict';
import { natPmpEpochHolds, pcpEpochHolds } from '../../../../core/reach/port-mapping/epoch';

const before = { epochS: 1_000, atS: 50 };
const after = (elapsedS: number, epochS: number) => ({ epochS, atS: before.atS + elapsedS });

describe('epoch of a router', () => {
  it('PCP (RFC 6887 section 8.5): clocks that go alike -> holds, in steps and a sixteenth apart, too', () => {
    for (const [elapsedS, epochS] of [
      [0, 1_000],
      [0, 999], // reordered
      [100, 1_100],
      [0, 1_002],
      [1_600, 2_500],
      [1_600, 2_700],
    ] as const) {
      assert.equal(pcpEpochHolds(before, after(elapsedS, epochS)), true, `${elapsedS} s later: ${epochS}`);
    }
  });

  it('PCP: goes back, stands still, or runs away -> lost', () => {
    for (const [elapsedS, epochS] of [
      [10, 998],
      [10, 0],
      [100, 1_000],
      [0, 1_004],
      [0, 2 ** 32 - 1],
      [1_600, 2_400],
      [1_600, 2_900],
    ] as const) {
      assert.equal(pcpEpochHolds(before, after(elapsedS, epochS)), false, `${elapsedS} s later: ${epochS}`);
    }
  });

  it('NAT-PMP (RFC 6886 section 3.6): an eighth and 2 s slower -> holds; slower than that -> lost', () => {
    assert.equal(natPmpEpochHolds(before, after(800, 1_698)), true);
    assert.equal(natPmpEpochHolds(before, after(800, 1_697)), false);
    assert.equal(natPmpEpochHolds(before, after(10, 0)), false);
    assert.equal(natPmpEpochHolds(before, after(0, 2 ** 32 - 1)), true, 'it only tells of a start');
  });
});
