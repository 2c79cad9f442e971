/**
 * Nodes behind real NATs reach each other: a representative part of what `npm run lab` shows in full. Ordinary
 * programs, one dials the other by name.
 */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { NatLab } from '../support/nat-lab/nat-lab';
import { placeOf } from '../support/nat-lab/places';
import { expectedPath, type Expected } from '../support/nat-lab/expectations';
import type { Outcome } from '../support/nat-lab/dialling';
import { listenerAt, runPair } from '../support/nat-lab/scenario';
import { killRunning } from '../support/processes';

/** For how long they may look for a direct path, where there is one. Ends as soon as they have found it. */
const OBSERVE_MS = 20_000;
/** Where there is none. This long it takes every time. */
const OBSERVE_RELAY_MS = 5_000;

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
  this.timeout(180_000);
  let lab: NatLab;
  let outcomes: readonly Outcome[];

  before(async () => {
    lab = new NatLab();
    await lab.startServers();
    const pairs = PAIRS.map(([from, to]) => ({ from: placeOf(from), to: placeOf(to) }));
    await Promise.all(pairs.map(({ to }) => listenerAt(lab, to)));
    const observeMs = (path: Expected): number => (path === 'relay' ? OBSERVE_RELAY_MS : OBSERVE_MS);
    outcomes = await Promise.all(
      pairs.map((pair) => runPair(lab, pair, { observeMs: observeMs(expectedPath(pair.from, pair.to)) })),
    );
  });
  after(async () => {
    assert.deepEqual(await lab.close(), []);
    assert.deepEqual(await killRunning(), [], 'no program is left running');
  });

  PAIRS.forEach(([from, to], i) => {
    const expected = expectedPath(placeOf(from), placeOf(to));
    it(`${from} dials ${to} -> all that is said comes back, ${expected}`, () => {
      const outcome = outcomes[i]!;
      assert.ok(outcome.connected, outcome.fault);
      assert.equal(outcome.fault, undefined);
      assert.equal(outcome.lastPath, expected);
    });
  });
});
