/** Connections by the thousand leave nothing behind in either process: heap, handles, memory of lwIP. */
import assert from 'node:assert/strict';
import type { Statistics } from '../../core/statistics';
import { Network, portsOf, stop, testProgram } from '../support/network';
import { readTrace } from '../support/trace-watch';

const CONNECTIONS = 10_000;
/** Of the JavaScript heap. A connection that is kept costs some kilobytes. */
const MOST_BYTES_LEFT = CONNECTIONS * 100;

interface Left {
  readonly heap: number;
  readonly resources: readonly string[];
}

describe('connections by the thousand', function () {
  this.timeout(240_000);

  it('10,000 are opened, used and closed, and 10,000 more -> memory and resources are where they were', async () => {
    const network = await Network.start();
    const program = testProgram('many-connections.cjs');
    const bob = network.program('bob', ['--expose-gc', program]);
    const [port] = await portsOf(bob);
    const args = ['--expose-gc', program, network.fqdn('bob'), String(port), String(CONNECTIONS)];
    const output = await network.program('alice', args).finish();
    const [, ...rounds] = output.split('\n');
    const [before, after] = rounds.map((line) => JSON.parse(line) as Record<'server' | 'client', Left>);
    for (const end of ['server', 'client'] as const) {
      assert.deepEqual(after![end].resources, before![end].resources);
      const left = after![end].heap - before![end].heap;
      assert(left < MOST_BYTES_LEFT, `${left} bytes are left at the ${end}`);
    }
    await stop(bob);
    for (const node of ['alice', 'bob']) {
      const last = readTrace(network.traceFile(node)).find(
        ({ event }) => event === 'statistics',
      ) as unknown as Statistics;
      assert.equal(last.stack?.allocations, 0, `memory of lwIP is left at ${node}`);
    }
    await network.close();
  });
});
