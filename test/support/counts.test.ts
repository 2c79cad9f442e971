import assert from 'node:assert/strict';
import { countsLine, sumOf } from './counts';

describe('closing line of a test run', () => {
  it('nothing skipped: run ends -> two numbers', () => {
    assert.equal(countsLine({ passed: 12, failed: 0, skipped: 0 }), '12 passed, 0 failed');
  });

  it('something skipped: run ends -> three numbers', () => {
    assert.equal(countsLine({ passed: 12, failed: 1, skipped: 3 }), '12 passed, 1 failed, 3 skipped');
  });

  it('two runs: they end -> one line for both', () => {
    const runs = [
      { passed: 12, failed: 1, skipped: 3 },
      { passed: 4, failed: 0, skipped: 1 },
    ];
    assert.equal(countsLine(sumOf(runs)), '16 passed, 1 failed, 4 skipped');
  });
});
