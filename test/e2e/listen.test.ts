/** What a listener exposes: wildcards also at the virtual address, explicit host addresses never (NTMOBILE_LISTEN). */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Network, portsOf, stop, testProgram } from '../support/network';
import { Program } from '../support/processes';

describe('what listeners expose', function () {
  this.timeout(60_000);
  let network: Network;

  before(async () => {
    network = await Network.start();
  });
  after(() => network.close());

  /** How it went to dial bob's server by its virtual name, and from the host by loopback: `connected` or an error code. */
  async function dialBoth(listenAt: string, env: NodeJS.ProcessEnv = {}): Promise<{ virtual: string; host: string }> {
    const server = network.program('bob', [testProgram('http-server.cjs'), listenAt], { env });
    const [port] = await portsOf(server);
    const connect = [testProgram('connect.cjs')];
    const outcome = async (program: Program): Promise<string> =>
      (await program.json<{ code?: string }>()).code ?? 'connected';
    const virtual = await outcome(network.program('alice', [...connect, network.fqdn('bob'), String(port), '4']));
    const host = await outcome(Program.node([...connect, '127.0.0.1', String(port)]));
    await stop(server);
    return { virtual, host };
  }

  const cases: [string, string, NodeJS.ProcessEnv, { virtual: string; host: string }][] = [
    ['a listener at 0.0.0.0', '0.0.0.0', {}, { virtual: 'connected', host: 'connected' }],
    ['a listener at ::', '::', {}, { virtual: 'connected', host: 'connected' }],
    ['a listener at 127.0.0.1', '127.0.0.1', {}, { virtual: 'ECONNREFUSED', host: 'connected' }],
    [
      'a listener at 0.0.0.0 under NTMOBILE_LISTEN=host',
      '0.0.0.0',
      { NTMOBILE_LISTEN: 'host' },
      { virtual: 'ECONNREFUSED', host: 'connected' },
    ],
    [
      'a listener at 0.0.0.0 under NTMOBILE_LISTEN=virtual',
      '0.0.0.0',
      { NTMOBILE_LISTEN: 'virtual' },
      { virtual: 'connected', host: 'ECONNREFUSED' },
    ],
  ];
  for (const [state, address, env, expected] of cases) {
    it(`${state}: dialled by name and by loopback -> name ${expected.virtual}, loopback ${expected.host}`, async () => {
      assert.deepEqual(await dialBoth(address, env), expected);
    });
  }

  it('a listener at 0.0.0.0 under "listen": "virtual" in NTMOBILE_CONFIG -> reached by name only', async () => {
    const file = join(network.dir, 'settings.json');
    writeFileSync(file, JSON.stringify({ listen: 'virtual' }));
    const outcome = await dialBoth('0.0.0.0', { NTMOBILE_CONFIG: file });
    assert.deepEqual(outcome, { virtual: 'connected', host: 'ECONNREFUSED' });
  });
});
