import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { TransactionWindow, WINDOW } from '../../../core/wire/transaction-window';
import { SeededRandom } from '../../support/virtual-time';

/** The rule, word by word: not seen, and not below the window. */
class NaiveWindow {
  private readonly seen = new Set<bigint>();
  private highest = -1n;

  isNew(id: bigint): boolean {
    return id > this.highest - WINDOW && !this.seen.has(id);
  }

  accept(id: bigint): void {
    this.seen.add(id);
    if (id > this.highest) this.highest = id;
  }
}

describe('transaction window', () => {
  it('ids in any order, near and far -> as the rule says', () => {
    const random = new SeededRandom(7);
    const window = new TransactionWindow();
    const naive = new NaiveWindow();
    let base = 1n << 60n;
    for (let i = 0; i < 20_000; i++) {
      const [kind = 0, low = 0, high = 0] = random.bytes(3);
      const id = kind < 4 ? base + BigInt(high * 256 + low) : base - 300n + BigInt((high * 256 + low) % 320);
      assert.equal(window.isNew(id), naive.isNew(id), `${id} of ${base}`);
      if (!naive.isNew(id)) continue;
      window.accept(id);
      naive.accept(id);
      if (id > base) base = id;
    }
  });
});
