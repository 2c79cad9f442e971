/** Unmodified programs whose nodes use no UDP at all: everything of theirs goes over TLS. */
import assert from 'node:assert/strict';
import type { Statistics } from '../../core/statistics';
import { example, Network, portsOf, stop } from '../support/network';
import type { Program } from '../support/processes';

const env = { NTMOBILE_UDP: 'off' };

describe('NTMOBILE_UDP=off', function () {
  this.timeout(60_000);
  let network: Network;
  let bob: Program;
  let url: string;

  before(async () => {
    network = await Network.start();
    bob = network.program('bob', [example('express-server.cjs'), '0'], { env });
    const [port] = await portsOf(bob);
    url = `http://${network.fqdn('bob')}:${port}/hello`;
    await network.traced('bob', (events) => events.some(({ event }) => event === 'logged in'));
  });
  after(async () => {
    await stop(bob);
    await network.close();
  });

  it('a program fetches -> the answer comes through the RS, the program ends by itself, and the DC is told', async () => {
    const alice = network.program('alice', [example('fetch-client.mjs'), url], { env });
    assert.equal((await alice.json<{ status: number }>()).status, 200);
    assert.equal((await alice.ended).code, 0);
    const { address, port } = network.server('rs');
    const last = network.trace('alice').findLast(({ event }) => event === 'statistics') as unknown as Statistics;
    assert.deepEqual(
      last.tunnels.map(({ path }) => path),
      [`relay ${address}:${port}`],
    );
    await network.traced('up', (events) =>
      events.some((event) => event['node'] === network.fqdn('alice') && event['reason'] === 'deregistered'),
    );
  });
});
