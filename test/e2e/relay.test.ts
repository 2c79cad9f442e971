/** Two unmodified programs whose tunnel goes through the relay server. */
import assert from 'node:assert/strict';
import type { Statistics } from '../../core/statistics';
import { example, Network, portsOf, stop } from '../support/network';
import type { Program } from '../support/processes';

describe('NTMOBILE_ROUTE=relay', function () {
  this.timeout(60_000);
  let network: Network;
  let bob: Program;
  let url: string;

  before(async () => {
    network = await Network.start();
    bob = network.program('bob', [example('express-server.cjs'), '0'], { env: { NTMOBILE_ROUTE: 'relay' } });
    const [port] = await portsOf(bob);
    url = `http://${network.fqdn('bob')}:${port}/hello`;
  });
  after(async () => {
    await stop(bob);
    await network.close();
  });

  it('a program fetches -> the answer comes, and all of it through the RS', async () => {
    const alice = network.program('alice', [example('fetch-client.mjs'), url]);
    const { status } = await alice.json<{ status: number }>();
    assert.equal(status, 200);
    await alice.ended;
    const rs = network.server('rs');
    const last = network.trace('alice').findLast(({ event }) => event === 'statistics') as unknown as Statistics;
    assert.deepEqual(
      last.tunnels.map(({ path }) => path),
      [`relay ${rs.address}:${rs.port}`],
    );
    const steps = network.trace('up').filter(({ figure, event }) => figure === 7 && event === 'receive');
    const numbers = steps.map(({ step }) => step);
    assert.deepEqual(numbers.slice(0, 4), [17, 18, 28, 28], 'a path is asked for, and both sides bind it');
  });

  it('one wants a direct route, the other a relay -> a clear error', async () => {
    const env = { NTMOBILE_ROUTE: 'direct' };
    const alice = network.program('alice', [example('fetch-client.mjs'), url], { env });
    assert.notEqual((await alice.ended).code, 0);
    const { errors } = JSON.parse(alice.lines[0]!) as { errors: { code?: string }[] };
    assert.deepEqual(
      errors.map(({ code }) => code),
      [undefined, 'EAI_AGAIN', 'NTM_NO_ROUTE'],
    );
  });
});
