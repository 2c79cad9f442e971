import assert from 'node:assert/strict';
import { afterReading } from '../../../../core/packet/paths/after-reading';
import { EventLoop } from '../../../support/event-loop';
import { VirtualTime } from '../../../support/virtual-time';

describe('a timer at which it is judged what was not heard', () => {
  let time: VirtualTime;
  let loop: EventLoop;
  let done: string[];

  beforeEach(() => {
    time = new VirtualTime();
    loop = new EventLoop(time);
    done = [];
    time.schedule(20, () => loop.read(() => done.push('read')));
  });

  const start = (): { cancel(): void } => afterReading({ clock: time, timers: loop }, 30, () => done.push('judged'));

  it('the program waits -> judged in time', () => {
    start();
    time.advance(29);
    assert.deepEqual(done, ['read']);
    time.advance(1);
    assert.deepEqual(done, ['read', 'judged']);
  });

  it('the program computes, and the timer is late -> what came meanwhile is read before', () => {
    start();
    loop.compute(100);
    assert.deepEqual(done, ['read']);
    time.advance(1);
    assert.deepEqual(done, ['read', 'judged']);
  });

  it('late, and cancelled while it is read -> not judged', () => {
    const timer = start();
    loop.compute(100);
    timer.cancel();
    time.advance(100);
    assert.deepEqual([done, time.pendingCount], [['read'], 0]);
  });
});
