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

/**
 * Whether a tunnel through a relay moves to a direct path where there is one. Until nodes probe for it, only the pairs
 * that begin directly are held to the path that is expected of the places (nat-lab/expectations.ts).
 */
const NODES_FIND_DIRECT_PATHS = false;
/** For how long they may look for it. Ends as soon as they have found it. */
const OBSERVE_MS = NODES_FIND_DIRECT_PATHS ? 5_000 : 100;

const PAIRS = [
  ['open', 'port-restricted'],
  ['firewalled', 'port-restricted'],
  ['symmetric', 'port-restricted'],
  ['cone', 'symmetric'],
  ['carrier-symmetric', 'symmetric'],
  ['same-private-a', 'same-private-b'],
  ['lan-1', 'lan-2'],
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
    it(`${from} dials ${to} -> all that is said comes back${heldTo(i, expected) ? `, ${expected}` : ''}`, () => {
      const { outcome } = rows[i]!;
      assert.ok(outcome.connected, outcome.fault);
      assert.equal(outcome.fault, undefined);
      if (heldTo(i, expected)) assert.equal(outcome.lastPath, expected);
    });
  });
});

/** The first pair begins directly: `open` has no NAT. */
function heldTo(pair: number, expected: string): boolean {
  return NODES_FIND_DIRECT_PATHS || expected === 'relay' || pair === 0;
}
