/** An unmodified HTTP server with two workers of `cluster`, dialled by name. */
import assert from 'node:assert/strict';
import { Network, portsOf, stop, testProgram } from '../support/network';
import type { Program } from '../support/processes';

interface Seen {
  readonly remoteAddress: string;
  readonly remoteFamily: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

interface Found {
  readonly pids: number[];
  readonly intact: boolean;
  readonly sameWorker: boolean;
  readonly connections: number[];
  readonly ownPort: boolean;
  readonly seen: Seen;
}

describe('a server with two workers of cluster', function () {
  this.timeout(60_000);
  let network: Network;
  let server: Program;
  let port: number;

  before(async () => {
    network = await Network.start();
    server = network.program('bob', [testProgram('cluster-server.cjs')]);
    [port] = (await portsOf(server)) as [number];
  });
  after(async () => {
    await stop(server);
    await network.close();
  });

  it('a node dials its name; a worker is killed -> both served 5 MB both ways, the other one serves on', async () => {
    const client = network.program('alice', [testProgram('cluster-client.cjs'), network.fqdn('bob'), String(port)]);
    const { pids, seen, ...rest } = JSON.parse(await client.line()) as Found;
    assert.deepEqual(rest, { intact: true, sameWorker: true, connections: [1, 1], ownPort: true });
    const [doomed, other] = pids as [number, number];
    assert.notEqual(doomed, other);
    const { remoteAddress, localAddress, remoteFamily, localPort } = seen;
    assert.match(remoteAddress, /^::ffff:198\.1[89]\./);
    assert.match(localAddress, /^::ffff:198\.1[89]\./);
    assert.notEqual(localAddress, remoteAddress);
    assert.deepEqual({ remoteFamily, localPort }, { remoteFamily: 'IPv6', localPort: port });

    process.kill(doomed, 'SIGKILL');
    const end = await client.json<Found>();
    assert.deepEqual(end, { pids: [other, other], connections: [2, 1] });
    await server.line((line) => line === `worker ${doomed} has ended`);
  });

  it('the host dials the same port -> served, and seen at its own address', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    const seen = JSON.parse(response.headers.get('seen')!) as Seen;
    assert.equal(seen.remoteAddress, '::ffff:127.0.0.1');
    assert.equal(seen.localPort, port);
  });

  it('workers that only listen -> one login, of their primary', () => {
    assert.equal(network.trace('bob').filter(({ event }) => event === 'logged in').length, 1);
  });
});
