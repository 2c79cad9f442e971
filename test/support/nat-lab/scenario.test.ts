import assert from 'node:assert/strict';
import type { Outcome } from './dialling';
import { expectedPath } from './expectations';
import { allPairs } from './matrix';
import { places, placeOf } from './places';
import { judge } from './scenario';
import { gridOf, summaryOf, tableOf } from './table';

const pair = { from: placeOf('cone'), to: placeOf('symmetric') };
const direct: Outcome = {
  ...{ connected: true, firstPath: 'relay', lastPath: 'direct', fault: undefined },
  ...{ firstByteMs: 12.34, directMs: 250, silentMs: 30 },
};
const silent: Outcome = {
  ...{ connected: false, firstPath: undefined, lastPath: undefined, fault: 'ENOTFOUND' },
  ...{ firstByteMs: undefined, directMs: undefined, silentMs: undefined },
};

describe('what the lab of NATs expects', () => {
  it('all pairs: either dials -> the same path is expected', () => {
    for (const { from, to } of allPairs(places)) assert.equal(expectedPath(from, to), expectedPath(to, from));
  });

  it('pairs that no datagram can pass between, or only by chance -> the relay; others -> direct', () => {
    const expected = (a: string, b: string): string => expectedPath(placeOf(a), placeOf(b));
    assert.equal(expected('symmetric', 'carrier-symmetric'), 'relay');
    assert.equal(expected('symmetric', 'symmetric'), 'relay');
    assert.equal(expected('open', 'udp-blocked'), 'relay');
    assert.equal(expected('ipv6-only', 'cone'), 'relay');
    assert.equal(expected('ipv6-only', 'dual'), 'direct');
    assert.equal(expected('symmetric', 'port-restricted'), 'direct');
    assert.equal(expected('lan-1', 'lan-2'), 'direct');
  });

  it('as expected -> ok, with the times', () => {
    assert.deepEqual(judge(pair, direct), {
      ...{ name: 'cone-to-symmetric', ok: true, path: 'direct', firstByteMs: 12.3, directMs: 250 },
      note: 'first by the relay',
    });
  });

  it('the relay where it should be direct -> not ok, and why', () => {
    const { ok, note } = judge(pair, { ...direct, lastPath: 'relay' });
    assert.deepEqual([ok, note], [false, 'expected direct, is relay']);
  });

  it('bytes are missing -> not ok, whatever the path', () => {
    const { ok, note } = judge(pair, { ...direct, fault: '3 of 9 bytes came back' });
    assert.deepEqual([ok, note], [false, '3 of 9 bytes came back']);
  });

  it('no connection -> not ok, no path, no times; in the table, the grid and the sum, too', () => {
    const result = judge(pair, silent);
    assert.deepEqual(result, {
      ...{ name: 'cone-to-symmetric', ok: false, path: 'none', firstByteMs: null, directMs: null },
      note: 'does not connect; ENOTFOUND',
    });
    const rows = [
      { ...pair, outcome: silent, result },
      { from: pair.to, to: pair.from, outcome: direct, result: judge(pair, direct) },
    ];
    assert.match(tableOf(rows)[1]!, /^cone +symmetric +NO +- +none +- +- +does not connect/);
    assert.deepEqual(gridOf(rows).slice(0, 3), ['           1   2', 'cone       n!', 'symmetric      d']);
    assert.equal(summaryOf(rows)[0], '1 of 2 pairs connect; 1 direct, 0 by a relay');
    assert.equal(summaryOf(rows).at(-1), '1 of 2 are as expected');
  });
});
