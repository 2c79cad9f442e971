import assert from 'node:assert/strict';
import { longestGapWithNetwork } from './gaps';
import type { Happening } from './mobile-host';

const happening = (t: number, ...joined: string[]): Happening => ({ t, host: 'mn', event: '', joined });

describe('gaps of a movement', () => {
  it('nothing told -> not known', () => {
    assert.equal(longestGapWithNetwork(['going'], [[happening(1_000)]]), undefined);
  });

  it('a gap with an outage within, and a shorter one without -> what is left of the longer', () => {
    const history = [happening(0, 'wifi'), happening(1_000), happening(3_000, 'lte')];
    assert.equal(longestGapWithNetwork(['gap 200 until 500', 'gap 2300 until 3250'], [history]), 300);
  });

  it('outages of both hosts at the same time -> counted once', () => {
    const histories = [
      [happening(1_000), happening(3_000, 'lte')],
      [happening(2_000), happening(4_000, 'lte')],
    ];
    assert.equal(longestGapWithNetwork(['gap 4000 until 4500'], histories), 1_000);
  });
});
