/** Unmodified programs over UDP, in two processes. */
import assert from 'node:assert/strict';
import { example, Network, portsOf, stop, testProgram } from '../support/network';

interface Echo {
  readonly length: number;
  readonly same: boolean;
  readonly from: string;
  readonly family: string;
}

describe('two unmodified programs over UDP', function () {
  this.timeout(60_000);
  let network: Network;

  before(async () => {
    network = await Network.start();
  });
  after(() => network.close());

  for (const [server, client, from] of [
    ['udp4', 'udp4', /^198\.1[89]\./],
    ['udp6', 'udp6', /^f[cd]/],
    ['udp6', 'udp4', /^198\.1[89]\./],
  ] as const) {
    it(`${server} server, ${client} client: datagrams up to the largest -> each comes back as it was`, async () => {
      const echo = testProgram('udp-echo.cjs');
      const bob = network.program('bob', [echo, server]);
      const [port] = await portsOf(bob);
      const lengths = [0, 1, 1_200, 9_000, 65_000];
      const args = [echo, client, network.fqdn('bob'), String(port), ...lengths.map(String)];
      const output = await network.program('alice', args).finish();
      const echoes = output.split('\n').map((line) => JSON.parse(line) as Echo);
      assert.deepEqual(
        echoes.map(({ length, same }) => [length, same]),
        lengths.map((length) => [length, true]),
      );
      for (const echo of echoes) assert.match(echo.from, from);
      await stop(bob);
    });
  }

  it('CoAP server and client: asked by name -> greeting, and 20,000 bytes in blocks', async () => {
    const bob = network.program('bob', [example('coap-server.cjs'), '0']);
    const [port] = await portsOf(bob);
    const ask = (path: string): Promise<{ code: string; body: string }> =>
      network.program('alice', [example('coap-client.cjs'), `coap://${network.fqdn('bob')}:${port}${path}`]).json();
    const { code, body } = await ask('/hello');
    assert.equal(code, '2.05');
    assert.match(body, /^hello (::ffff:)?198\.1[89]\./);
    assert.equal((await ask('/blob?bytes=20000')).body.length, 20_000);
    assert.equal((await ask('/nothing')).code, '4.04');
    await stop(bob);
  });
});
