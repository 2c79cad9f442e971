/** The edges of the window, where off-by-one errors live; then the ring against a plain set, which cannot be wrong. */
import assert from 'node:assert/strict';
import { ReplayWindow } from '../../../../core/packet/wireguard/replay-window';
import { SeededRandom } from '../../../support/virtual-time';

const WINDOW = 8_128;
const LIMIT = WINDOW + 1;

function check(window: ReplayWindow, cases: [counter: number, accepted: boolean][]): void {
  for (const [counter, accepted] of cases) assert.equal(window.accept(counter), accepted, `counter ${counter}`);
}

describe('replay window', () => {
  let window: ReplayWindow;
  beforeEach(() => (window = new ReplayWindow()));

  it('new: the first counters, mixed and repeated -> once each', () => {
    check(window, [
      [5, true],
      [0, true],
      [3, true],
      [5, false],
      [0, false],
      [4, true],
      [3, false],
      [6, true],
    ]);
  });

  it('the highest moves on by one -> exactly one counter more is too old', () => {
    check(window, [
      [LIMIT, true],
      [1, true],
      [LIMIT + 2, true],
      [2, false],
      [3, true],
      [WINDOW, true],
    ]);
  });

  for (const first of [0, 1, WINDOW, 2 ** 32 - 3, 2 ** 52]) {
    it(`the highest is ${first} + window: everything inside it arrives backwards -> once each`, () => {
      for (let counter = first + WINDOW; counter >= first; counter--) check(window, [[counter, true]]);
      for (let counter = first; counter <= first + WINDOW; counter++) check(window, [[counter, false]]);
    });
  }

  it('a gap wider than the ring -> nothing of the old window is taken for new', () => {
    check(window, [
      [0, true],
      [2 ** 40, true],
      [0, false],
      [2 ** 40 - WINDOW, true],
      [2 ** 40 - LIMIT, false],
    ]);
  });

  it('any: seeded jumps -> the same answers as a set of all counters', () => {
    const random = new SeededRandom(6479);
    const seen = new Set<number>();
    let highest = -1;
    for (let i = 0; i < 20_000; i++) {
      const counter = Math.max(0, highest + 40 - random.below(random.chance(0.1) ? 2 * WINDOW : 200));
      const expected = !seen.has(counter) && counter >= highest - WINDOW;
      assert.equal(window.accept(counter), expected, `seed 6479, step ${i}, counter ${counter}, highest ${highest}`);
      seen.add(counter);
      highest = Math.max(highest, counter);
    }
  });
});
