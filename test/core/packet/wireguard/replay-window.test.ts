import assert from 'node:assert/strict';
import { ReplayWindow } from '../../../../core/packet/wireguard/replay-window';
import { SeededRandom } from '../../../support/virtual-time';

/** The highest counter and 8,128 before it, as in wireguard-go and the Linux implementation. */
const WIDTH = 8_129;
const SEED = 6479;

/** The same rule without a ring: everything ever seen, and the highest. */
class NaiveWindow {
  private readonly seen = new Set<number>();
  private highest = -1;

  accept(counter: number): boolean {
    if (this.highest - counter >= WIDTH || this.seen.has(counter)) return false;
    this.seen.add(counter);
    this.highest = Math.max(this.highest, counter);
    return true;
  }
}

describe('replay window', () => {
  const accepted = (...counters: number[]): boolean[] => {
    const window = new ReplayWindow();
    return counters.map((counter) => window.accept(counter));
  };

  it('new: counter 0, again -> once', () =>
    assert.deepEqual(accepted(0, 0, 1, 0, 1), [true, false, true, false, false]));

  it('at the edge: the oldest that fits, and the one before -> accepted, refused', () => {
    for (const highest of [WIDTH, WIDTH + 1, 3 * WIDTH + 17, 2 ** 32 + 31, 2 ** 53 - 1]) {
      const oldest = highest - WIDTH + 1;
      assert.deepEqual(accepted(highest, oldest, oldest - 1, oldest), [true, true, false, false], `${highest}`);
    }
  });

  it('a jump far beyond the window -> what was there is refused, what lies between is accepted once', () => {
    const far = 2 ** 40;
    assert.deepEqual(accepted(0, 5, far, 0, 5, far - 1, far - 1, far), [
      true,
      true,
      true,
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it('jumps of whole rings, to the same word -> nothing of the old round counts', () => {
    assert.deepEqual(accepted(3, 3 + 8_192, 4 + 8_192, 3 + 2 * 8_192, 3 + 3 * 8_192 - 1), Array(5).fill(true));
  });

  it('all at once, backwards -> each accepted once', () => {
    const window = new ReplayWindow();
    for (let i = WIDTH - 1; i >= 0; i--) assert.equal(window.accept(i), true, `${i}`);
    for (let i = 0; i < WIDTH; i++) assert.equal(window.accept(i), false, `${i}`);
  });

  it(`seeded walks with reordering, duplicates and jumps (seed ${SEED}) -> as the naive window`, () => {
    const random = new SeededRandom(SEED);
    for (const start of [0, 2 ** 32 - 5_000, 2 ** 52]) {
      const [window, naive] = [new ReplayWindow(), new NaiveWindow()];
      let head = start;
      for (let step = 0; step < 30_000; step++) {
        if (random.chance(0.5)) head += 1;
        if (random.chance(0.01)) head += random.below(300);
        if (random.chance(0.002)) head += random.below(20_000);
        const behind = random.chance(0.1) ? random.below(9_000) : random.below(70);
        const counter = Math.max(0, head - behind);
        assert.equal(window.accept(counter), naive.accept(counter), `start ${start}, step ${step}, ${counter}`);
      }
    }
  });
});
