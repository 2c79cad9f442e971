/**
 * Nodes behind real NATs reach each other: a representative part of what `npm run lab` shows in full. Ordinary
 * programs, one dials the other by name.
 */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { NatLab } from '../support/nat-lab/nat-lab';
import { placeOf } from '../support/nat-lab/places';
import { expectedPath } from '../support/nat-lab/expectations';
import { runMatrix, type Row } from '../support/nat-lab/matrix';
import { killRunning } from '../support/processes';

/** For how long they may look for a direct path. Ends as soon as they have found it. */
const OBSERVE_MS = 5_000;

const PAIRS = [
  ['open', 'port-restricted'],
  ['firewalled', 'port-restricted'],
  ['symmetric', 'port-restricted'],
  ['cone', 'symmetric'],
  ['carrier-symmetric', 'symmetric'],
  ['same-private-a', 'same-private-b'],
  ['lan-1', 'lan-2'],
  ['customer-1', 'customer-2'],
  ['ipv6-only', 'ipv4-only'],
] as const;

describeLab('reach behind NATs', function () {
  this.timeout(60_000);
  let lab: NatLab;
  let rows: readonly Row[];

  before(async () => {
    lab = new NatLab();
    await lab.startServers();
    const pairs = PAIRS.map(([from, to]) => ({ from: placeOf(from), to: placeOf(to) }));
    rows = await runMatrix(lab, pairs, { observeMs: OBSERVE_MS, jobs: PAIRS.length });
  });
  after(async () => {
    assert.deepEqual(await lab.close(), []);
    assert.deepEqual(await killRunning(), [], 'no program is left running');
  });

  PAIRS.forEach(([from, to], i) => {
    const expected = expectedPath(placeOf(from), placeOf(to));
    it(`${from} dials ${to} -> all that is said comes back, ${expected}`, () => {
      const { outcome } = rows[i]!;
      assert.ok(outcome.connected, outcome.fault);
      assert.equal(outcome.fault, undefined);
      assert.equal(outcome.lastPath, expected);
    });
  });
});
