import assert from 'node:assert/strict';
import { LazyTimer } from '../../../../core/packet/wireguard/lazy-timer';
import { VirtualTime } from '../../../support/virtual-time';

describe('lazy timer', () => {
  let time: VirtualTime;
  let fired: number[];
  let timer: LazyTimer;
  beforeEach(() => {
    time = new VirtualTime();
    fired = [];
    timer = new LazyTimer(time, time, () => fired.push(time.now()));
  });

  it('set: put off with every packet -> fires once, after the last, with one timer below', () => {
    for (let i = 0; i < 100; i++) {
      timer.set(50);
      assert.equal(time.pendingCount, 1);
      time.advance(10);
    }
    time.advance(1_000);
    assert.deepEqual(fired, [990 + 50]);
  });

  it('set: set to an earlier time -> fires then, and not again at the later', () => {
    timer.set(100);
    timer.set(20);
    time.advance(1_000);
    assert.deepEqual(fired, [20]);
  });

  it('set: cleared -> does not fire; set again -> fires', () => {
    timer.set(100);
    timer.clear();
    assert.equal(timer.isSet, false);
    time.advance(50);
    timer.set(100);
    time.advance(1_000);
    assert.deepEqual(fired, [150]);
  });

  it('closed: set -> nothing is scheduled', () => {
    timer.set(100);
    timer.close();
    timer.set(100);
    assert.equal(time.pendingCount, 0);
    time.advance(1_000);
    assert.deepEqual(fired, []);
  });
});
