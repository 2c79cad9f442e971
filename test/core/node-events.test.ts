import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { NodeEvents, type Listen } from '../../core/node-events';
import type { RouteChange } from '../../core/packet-path';

const ROUTE: RouteChange = { peer: 'bob.test', from: undefined, to: '192.0.2.1:5', why: 'peer' };

describe('what a node tells programs', () => {
  it('a route changes -> every listener is told, later, and none that has ended', async () => {
    const events = new NodeEvents(() => {}, 'node');
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

  it('another event, or no function -> TypeError', () => {
    const { on } = new NodeEvents(() => {}, 'node') as { on: (...args: unknown[]) => unknown };
    for (const args of [['handovers', () => {}], ['route'], ['route', 7], ['constructor', () => {}]]) {
      assert.throws(() => on(...args), TypeError);
    }
  });

  it('without the preload: something listens -> nothing happens', () => {
    const { on } = require('../../core/ntmobile') as { on: Listen };
    on('handover', () => {})();
  });
});
