/** `peerName`: who is at the other end, in programs with the preload (CommonJS and ES module) and without. */
import assert from 'node:assert/strict';
import type { RemoteInfo } from 'node:dgram';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { login, peerName } from '../../core/ntmobile';
import { writeCertificate } from '../support/certificate';
import { Network, portsOf, stop, testProgram } from '../support/network';
import { Program } from '../support/processes';

interface Seen {
  readonly told: string;
  readonly known: string;
  readonly byAddress?: string;
}

// What it may be asked about, for the compiler.
const typed: (peer: Socket | TLSSocket | IncomingMessage['socket'] | RemoteInfo | string) => string | undefined =
  peerName;

describe('peerName', function () {
  this.timeout(60_000);
  let network: Network;

  before(async () => {
    network = await Network.start();
  });
  after(() => network.close());

  it('CommonJS server, ES module client: TCP, TLS, HTTP, UDP -> each knows the other by name', async () => {
    const [alice, bob] = [network.fqdn('alice'), network.fqdn('bob')];
    const { keyFile, certFile } = await writeCertificate(network.dir, bob);
    const server = network.program('bob', [testProgram('who-dials-me.cjs'), keyFile, certFile]);
    const ports = await portsOf(server);
    const args = [testProgram('whom-do-i-dial.mjs'), bob, ...ports.map(String)];
    const client = network.program('alice', args, { env: { NODE_EXTRA_CA_CERTS: certFile } });
    const { others, ...seen } = await client.json<Record<string, Seen> & { others: unknown[] }>();
    const known = { told: alice, known: bob };
    assert.deepEqual(seen, { tcp: known, tls: known, http: known, udp: { ...known, byAddress: bob } });
    assert.deepEqual(new Set(others), new Set([null]));
    await stop(server);
    const closed = server.lines.filter((line) => line.startsWith('closed')).sort();
    assert.deepEqual(closed, ['closed unseen: undefined', `closed: ${alice}`, `closed: ${alice}`]);
  });

  it('a program without the preload asks -> undefined; it loads no node, and ends', async () => {
    const script = `const { peerName } = require('ntmobile');
      const loaded = Object.keys(require.cache).filter((file) => /node\\.js$|config\\.js$/.test(file));
      console.log(JSON.stringify([peerName('198.18.0.1') ?? null, loaded]));`;
    const env = network.environment('alice', { env: { NODE_OPTIONS: '' } });
    assert.deepEqual(await Program.node(['-e', script], env).json(), [null, []]);
  });

  it('a program that joins by login() -> its own peerName knows whom it reached', async () => {
    const server = network.program('bob', [testProgram('serve-both.cjs')], { node: 'joined' });
    await network.traced('joined', (events) => events.some(({ event }) => event === 'logged in'));
    const bob = network.fqdn('bob');
    const node = await login(network.environment('alice'));
    const { ipv4, ipv6 } = await node.resolve(bob);
    const peers = [ipv4, ipv6, `::ffff:${ipv4}`, { address: ipv6 }, { remoteAddress: ipv4 }];
    assert.deepEqual(new Set(peers.map((peer) => node.peerName(peer))), new Set([bob]));
    assert.equal(node.peerName(node.addresses.ipv4), network.fqdn('alice'));
    assert.equal(node.peerName('192.0.2.1'), undefined);
    assert.equal(typed(ipv4), undefined, 'of the preload, which is not here');
    node.close();
    await stop(server);
  });
});
