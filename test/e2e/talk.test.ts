/** Two unmodified programs, in two processes, talk by name. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Statistics } from '../../core/statistics';
import { writeCertificate } from '../support/certificate';
import { example, Network, portsOf, stop, testProgram } from '../support/network';
import { temporaryDirectory } from '../support/paths';
import { Program } from '../support/processes';
import { readTrace } from '../support/trace-watch';

interface Ends {
  readonly from: string;
  readonly to: string;
}

const withoutMapping = (address: string): string => address.replace(/^::ffff:/, '');
const isVirtual4 = (address: string): boolean => /^198\.1[89]\./.test(withoutMapping(address));
const isVirtual6 = (address: string): boolean => isIPv6(address) && /^f[cd]/.test(address);

describe('two unmodified programs', function () {
  this.timeout(60_000);
  let network: Network;
  let bob: Program;
  let http: string;
  let https: string;
  let certFile: string;
  const certificateDir = temporaryDirectory();

  before(async () => {
    network = await Network.start();
    const fqdn = network.fqdn('bob');
    const certificate = await writeCertificate(certificateDir, fqdn);
    certFile = certificate.certFile;
    bob = network.program('bob', [example('express-server.cjs'), '0', '0', certificate.keyFile, certFile]);
    const [httpPort, httpsPort] = await portsOf(bob);
    http = `http://${fqdn}:${httpPort}`;
    https = `https://${fqdn}:${httpsPort}`;
  });
  after(async () => {
    rmSync(certificateDir, { recursive: true });
    await stop(bob);
    await network.close();
  });

  const alice = (args: string[], env: NodeJS.ProcessEnv = {}): Program => network.program('alice', args, { env });

  async function hello(program: Program): Promise<Ends & { hello: string; protocol: string }> {
    const { status, body } = await program.json<{ status: number; body: string }>();
    assert.equal(status, 200);
    return JSON.parse(body) as Ends & { hello: string; protocol: string };
  }

  it('NTMOBILE_PCAP and NTMOBILE_TRACE: a program that fetched -> its packets and what they add up to', async () => {
    const file = join(network.dir, 'alice.pcapng');
    const env = { NTMOBILE_PCAP: file, NTMOBILE_TRACE: network.traceFile('seen') };
    const program = alice([example('fetch-client.mjs'), `${http}/hello`], env);
    await hello(program);
    const packets = execFileSync('tcpdump', ['-n', '-r', file], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
    const seen = [...packets.matchAll(/ IP (\S+) > \S+: Flags \[([^\]]+)\]/g)];
    const own = seen[0]?.[1];
    const ways = seen.map(([, source, flags]) => `${source === own ? 'out' : 'in'} ${flags}`);
    // A SYN, or its answer, is sent again when the path changes meanwhile, or the other side is slow.
    const kinds = [...new Set(ways)];
    assert.deepEqual(kinds.slice(0, 4), ['out S', 'in S.', 'out .', 'out P.'], packets);
    const lines = readTrace(network.traceFile('seen'));
    const { tunnels, stack } = lines.find(({ event }) => event === 'statistics') as unknown as Statistics;
    const [tunnel] = tunnels;
    assert.equal(tunnel?.fqdn, network.fqdn('bob'));
    // Of the ways from this host to itself, whichever was the fastest when it was last looked at.
    assert.doesNotMatch(tunnel.path, /relay/);
    assert.ok(tunnel.paths.some(({ path, receivedBytes }) => path === tunnel.path && receivedBytes > 0));
    assert.equal(stack?.sent, ways.filter((way) => way.startsWith('out')).length);
    assert.ok(tunnel.sentPackets >= stack.sent);
  });

  it('NTMOBILE_LOG: a program that fetched -> by info it tells of itself and its tunnel, by default of nothing', async () => {
    const program = (env: NodeJS.ProcessEnv): Program => alice([example('fetch-client.mjs'), `${http}/hello`], env);
    const quiet = program({});
    await hello(quiet);
    assert.equal(quiet.errors, '');
    const telling = program({ NTMOBILE_LOG: 'info' });
    await hello(telling);
    const [joined, tunnel, ...rest] = telling.errors.trimEnd().split('\n');
    assert.match(joined!, new RegExp(`^ntmobile: joined as ${network.fqdn('alice')} \\(198\\.1[89]\\.\\S+, f\\S+\\)$`));
    assert.match(tunnel!, new RegExp(`^ntmobile: tunnel with ${network.fqdn('bob')} made \\(\\S+:\\d+\\)$`));
    assert.deepEqual(rest, []);
  });

  for (const [library, program] of [
    ['fetch', 'fetch-client.mjs'],
    ['axios', 'axios-client.cjs'],
  ] as const) {
    it(`a server listening: ${library} asks over HTTP -> answer between virtual addresses`, async () => {
      const answer = await hello(alice([example(program), `${http}/hello`]));
      assert.equal(answer.hello, network.fqdn('bob'));
      assert.ok(
        [answer.from, answer.to].every((end) => isVirtual4(end) || isVirtual6(end)),
        JSON.stringify(answer),
      );
    });

    it(`a server listening: ${library} asks over HTTPS -> answer, certificate checked`, async () => {
      const trust = { NODE_EXTRA_CA_CERTS: certFile };
      const answer = await hello(alice([example(program), `${https}/hello`], trust));
      assert.equal(answer.protocol, 'https');
    });
  }

  it('a server listening: a worker thread fetches -> answer between virtual addresses, the process ends', async () => {
    const program = alice([testProgram('fetch-in-worker.cjs'), `${http}/hello`]);
    const { from, to, hello: name } = await program.json<Ends & { hello: string }>();
    assert.equal(name, network.fqdn('bob'));
    assert.ok([from, to].every((end) => isVirtual4(end) || isVirtual6(end)));
    assert.equal((await program.ended).code, 0);
  });

  it('a certificate nobody vouches for: fetch asks over HTTPS -> refused, as anywhere', async () => {
    const { errors } = await alice([example('fetch-client.mjs'), `${https}/hello`]).json<{
      errors: { code?: string }[];
    }>(1);
    assert.ok(
      errors.some(({ code }) => code === 'DEPTH_ZERO_SELF_SIGNED_CERT'),
      JSON.stringify(errors),
    );
  });

  it('a client in CommonJS with destructured imports: asks -> answer, and it ends by itself', async () => {
    const answer = JSON.parse(await alice([testProgram('get-cjs.cjs'), `${http}/hello`]).finish()) as Ends;
    assert.ok(isVirtual4(answer.to) || isVirtual6(answer.to));
  });

  it('a client in ESM with named imports: asks -> answer, and it ends by itself', async () => {
    const answer = JSON.parse(await alice([testProgram('get-esm.mjs'), `${http}/hello`]).finish()) as Ends;
    assert.ok(isVirtual4(answer.to) || isVirtual6(answer.to));
  });

  it('family 4 asked for: asks -> both ends have virtual IPv4 addresses', async () => {
    const answer = JSON.parse(await alice([testProgram('get-cjs.cjs'), `${http}/hello`, '4']).finish()) as Ends;
    assert.ok(isVirtual4(answer.from) && isVirtual4(answer.to), JSON.stringify(answer));
  });

  it('family 6 asked for: asks -> both ends have virtual IPv6 addresses', async () => {
    const answer = JSON.parse(await alice([testProgram('get-cjs.cjs'), `${http}/hello`, '6']).finish()) as Ends;
    assert.ok(isVirtual6(answer.from) && isVirtual6(answer.to), JSON.stringify(answer));
  });

  it('a name: looked up -> one virtual address of each family, the same every time', async () => {
    const look = async (): Promise<{ ipv4: string; ipv6: string }> =>
      alice([testProgram('lookup.cjs'), network.fqdn('bob')]).json();
    const first = await look();
    assert.ok(isIPv4(first.ipv4) && isVirtual4(first.ipv4) && isVirtual6(first.ipv6), JSON.stringify(first));
    assert.deepEqual(await look(), first);
  });

  it('100 MB: downloaded with fetch -> the same SHA-256 at both ends', async () => {
    const client = alice([example('two-libraries-client.mjs'), http, '', '100000000']);
    const { received, sha256, expectedSha256 } = await client.json<Record<string, unknown>>();
    assert.equal(received, 100_000_000);
    assert.equal(sha256, expectedSha256);
  });

  it('100 MB: uploaded with got -> the same SHA-256 at both ends', async () => {
    const client = alice([example('got-upload.mjs'), `${http}/upload`, '100000000']);
    const { sent, bytes, sentSha256, sha256 } = await client.json<Record<string, unknown>>();
    assert.equal(bytes, sent);
    assert.equal(sha256, sentSha256);
  });

  it('a port without a listener: dialled -> ECONNREFUSED, as anywhere', async () => {
    const seen = await alice([testProgram('connect.cjs'), network.fqdn('bob'), '9']).json<Record<string, unknown>>();
    assert.equal(seen['code'], 'ECONNREFUSED');
    assert.equal(seen['syscall'], 'connect');
    assert.equal(seen['port'], 9);
  });

  it('a program that opens no connection: runs with the preload -> ends by itself', async () => {
    assert.equal(await alice([testProgram('idle.cjs')]).finish(), 'idle');
  });

  it('the host network: a program with the preload dials it -> it gets there, by host addresses', async () => {
    const host = Program.node([testProgram('http-server.cjs'), '127.0.0.1']);
    const [port] = await portsOf(host);
    const answer = JSON.parse(await alice([testProgram('get-cjs.cjs'), `http://127.0.0.1:${port}/`]).finish()) as Ends;
    assert.deepEqual(answer, { from: '127.0.0.1', to: '127.0.0.1' });
    await stop(host);
  });

  it('a node that has never joined: fetch asks by literal addresses -> answers', async () => {
    const { ipv4, ipv6 } = await alice([testProgram('lookup.cjs'), network.fqdn('bob')]).json<Record<string, string>>();
    const { port } = new URL(http);
    for (const [node, host] of [
      ['new-4', ipv4],
      ['new-6', `[${ipv6}]`],
    ] as const) {
      await hello(network.program('alice', [example('fetch-client.mjs'), `http://${host}:${port}/hello`], { node }));
    }
  });

  it('the same account as another node name: both listen -> each is reached by its own name', async () => {
    const worker = network.program('bob', [testProgram('http-server.cjs'), '::'], {
      node: 'worker-1',
      env: { NTMOBILE_NODE: 'worker-1' },
    });
    const [port] = await portsOf(worker);
    await network.traced('worker-1', (events) => events.some(({ event }) => event === 'logged in'));
    const name = `worker-1.${network.fqdn('bob')}`;
    const dial = async (host: string): Promise<Record<string, unknown>> =>
      alice([testProgram('connect.cjs'), host, String(port)]).json();
    assert.equal((await dial(name))['code'], undefined);
    assert.equal((await dial(network.fqdn('bob')))['code'], 'ECONNREFUSED');
    await stop(worker);
  });

  it('state directories: looked at after use -> no file in them can be read by others', async () => {
    const { statSync, readdirSync } = await import('node:fs');
    const dir = join(network.dir, 'state-alice');
    const modes = [dir, ...readdirSync(dir).map((file) => join(dir, file))].map((path) => statSync(path).mode & 0o077);
    assert.ok(modes.length > 1, 'something is kept');
    assert.deepEqual(new Set(modes), new Set([0]));
  });
});
