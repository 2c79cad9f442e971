import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { NodeEvents, type Listen } from '../../core/node-events';
import type { RouteChange } from '../../core/packet-path';
import { VirtualTime } from '../support/virtual-time';

const ROUTE: RouteChange = { peer: 'bob.test', from: undefined, to: '192.0.2.1:5', why: 'peer' };

describe('what a node tells programs', () => {
  it('a route changes -> every listener is told, later, and none that has ended', async () => {
    const events = new NodeEvents(() => {}, 'node', new VirtualTime());
    const told: string[] = [];
    events.on('route', ({ peer }) => told.push(`first ${peer}`));
    const end = events.on('route', () => told.push('ended'));
    events.on('route', ({ to }) => told.push(`second ${to}`));
    end();
    events.route(ROUTE);
    assert.deepEqual(told, []);
    await Promise.resolve();
    assert.deepEqual(told, ['first bob.test', 'second 192.0.2.1:5']);
  });

  it('nothing can be sent, again and again -> the trace has it once a second for each reason', () => {
    const time = new VirtualTime();
    const traced: unknown[] = [];
    const events = new NodeEvents(({ code }) => traced.push(code), 'node', time);
    for (let i = 0; i < 15; i++) {
      events.sendFailed({ code: 'ENETUNREACH' }, '192.0.2.1');
      if (i === 3) events.sendFailed({ code: 'EPERM' }, '192.0.2.1');
      time.advance(100);
    }
    assert.deepEqual(traced, ['ENETUNREACH', 'EPERM', 'ENETUNREACH']);
  });

  it('another event, or no function -> TypeError', () => {
    const { on } = new NodeEvents(() => {}, 'node', new VirtualTime()) as { on: (...args: unknown[]) => unknown };
    for (const args of [['handovers', () => {}], ['route'], ['route', 7], ['constructor', () => {}]]) {
      assert.throws(() => on(...args), TypeError);
    }
  });

  it('without the preload: something listens -> nothing happens', () => {
    const { on } = require('../../core/ntmobile') as { on: Listen };
    on('handover', () => {})();
  });
});
