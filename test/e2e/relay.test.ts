/** Two unmodified programs whose tunnel goes through the relay server: as is wished, or as no UDP leaves their hosts. */
import assert from 'node:assert/strict';
import type { Statistics } from '../../core/statistics';
import { example, Network, portsOf, stop } from '../support/network';
import type { Program } from '../support/processes';

function describeRelayed(
  title: string,
  env: NodeJS.ProcessEnv,
  define: (network: () => Network, fetching: (env?: NodeJS.ProcessEnv) => Program) => void,
): void {
  describe(title, function () {
    this.timeout(60_000);
    let network: Network;
    let bob: Program;
    let url: string;

    before(async () => {
      network = await Network.start();
      bob = network.program('bob', [example('express-server.cjs'), '0'], { env });
      const [port] = await portsOf(bob);
      url = `http://${network.fqdn('bob')}:${port}/hello`;
    });
    after(async () => {
      await stop(bob);
      await network.close();
    });

    define(
      () => network,
      (ownEnv = {}) => network.program('alice', [example('fetch-client.mjs'), url], { env: ownEnv }),
    );
  });
}

/** The program fetches, ends by itself, and all went through the RS. */
async function fetchesByRelay(network: Network, alice: Program): Promise<void> {
  assert.equal((await alice.json<{ status: number }>()).status, 200);
  assert.equal((await alice.ended).code, 0);
  const { address, port } = network.server('rs');
  const last = network.trace('alice').findLast(({ event }) => event === 'statistics') as unknown as Statistics;
  assert.deepEqual(
    last.tunnels.map(({ path }) => path),
    [`relay ${address}:${port}`],
  );
}

describeRelayed('NTMOBILE_ROUTE=relay', { NTMOBILE_ROUTE: 'relay' }, (network, fetching) => {
  it('a program fetches -> the answer comes, and all of it through the RS', async () => {
    await fetchesByRelay(network(), fetching());
    const steps = network()
      .trace('up')
      .filter(({ figure, event, duplicate }) => figure === 7 && event === 'receive' && duplicate === undefined);
    const numbers = steps.map(({ step }) => step);
    assert.deepEqual(numbers.slice(0, 4), [17, 18, 28, 28], 'a path is asked for, and both sides bind it');
  });

  it('one wants a direct route, the other a relay -> a clear error', async () => {
    const alice = fetching({ NTMOBILE_ROUTE: 'direct' });
    assert.notEqual((await alice.ended).code, 0);
    const { errors } = JSON.parse(alice.lines[0]!) as { errors: { code?: string }[] };
    assert.deepEqual(
      errors.map(({ code }) => code),
      [undefined, 'EAI_AGAIN', 'NTM_NO_ROUTE'],
    );
  });
});

const withoutUdp = { NTMOBILE_UDP: 'off' };

describeRelayed('NTMOBILE_UDP=off', withoutUdp, (network, fetching) => {
  it('a program fetches -> the answer comes through the RS, the program ends by itself, and the DC is told', async () => {
    await fetchesByRelay(network(), fetching(withoutUdp));
    await network().traced('up', (events) =>
      events.some((event) => event['node'] === network().fqdn('alice') && event['reason'] === 'deregistered'),
    );
  });
});
