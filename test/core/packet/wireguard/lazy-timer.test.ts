import assert from 'node:assert/strict';
import { LazyTimer } from '../../../../core/packet/wireguard/lazy-timer';
import { SeededRandom, VirtualTime } from '../../../support/virtual-time';

describe('lazy timer', () => {
  let time: VirtualTime;
  let fired: number[];
  let timer: LazyTimer;
  beforeEach(() => {
    time = new VirtualTime();
    fired = [];
    timer = new LazyTimer(time, time, () => fired.push(time.now()));
  });

  it('set: put off, then nearer, then cleared -> fires at the last deadline, not after clear', () => {
    timer.set(100);
    time.advance(50);
    timer.set(100);
    time.advance(99);
    assert.deepEqual(fired, []);
    time.advance(1);
    assert.deepEqual(fired, [150]);
    timer.set(100);
    timer.set(10);
    time.advance(100);
    assert.deepEqual(fired, [150, 160]);
    timer.set(10);
    timer.clear();
    time.advance(100);
    assert.deepEqual(fired, [150, 160]);
  });

  it('set a thousand times -> one timer underneath', () => {
    for (let i = 0; i < 1_000; i++) timer.set(100 + i);
    assert.equal(time.pendingCount, 1);
  });

  it('fires: set again from inside -> fires again', () => {
    const again: LazyTimer = new LazyTimer(time, time, () => fired.push(time.now()) < 3 && again.set(10));
    again.set(10);
    time.advance(100);
    assert.deepEqual(fired, [10, 20, 30]);
  });

  it('closed: set -> nothing is scheduled', () => {
    timer.set(10);
    timer.close();
    timer.set(10);
    assert.equal(time.pendingCount, 0);
    assert.equal(timer.isSet, false);
  });

  it('seeded sets and clears -> fires when a plain timer would', () => {
    const random = new SeededRandom(5);
    let deadline: number | undefined;
    const expected: number[] = [];
    for (let step = 0; step < 5_000; step++) {
      if (random.chance(0.2)) timer.set((deadline = time.now() + random.below(50)) - time.now());
      if (random.chance(0.05)) {
        timer.clear();
        deadline = undefined;
      }
      time.advance(1);
      if (deadline !== undefined && deadline <= time.now()) {
        expected.push(Math.max(deadline, time.now() - 1));
        deadline = undefined;
      }
    }
    assert.ok(expected.length > 50);
    assert.deepEqual(fired, expected);
  });
});
