/** Neither side is Node's: `ntmobile forward` at both ends, several rules each, and programs that know of nothing. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/free-ports';
import { example, Network, ntmobile } from '../support/network';
import { projectRoot, temporaryDirectory } from '../support/paths';
import { Program } from '../support/processes';
import { describeWith, findProgram, runServer, serverEnvironment } from '../support/servers';

interface Rule {
  readonly way: string;
  readonly protocol: string;
  readonly listening: { readonly address: string; readonly port: number };
}
interface Count extends Rule {
  readonly accepted: number;
  readonly open: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const [WEB, WEB6, DNS, HASH, NOBODY] = [80, 81, 53, 7, 9];
const MANY = 20_000_000;
const script = (name: string): string => join(projectRoot, 'test/programs/not-node', name);

describeWith(['curl', 'python3', 'dnsmasq', 'dig'], 'programs of other languages', function () {
  this.timeout(30_000);
  const dir = temporaryDirectory();
  const file = randomBytes(MANY);
  const servers: Program[] = [];
  let network: Network;
  let inward: Program;
  let outward: Program;
  let bob: { fqdn: string; addresses: { ipv4: string; ipv6: string } };
  /** Ports of this host, by the rule that they are of. */
  let ports: number[];

  before(async () => {
    writeFileSync(join(dir, 'file'), file);
    const web = [await python('-u', '-m', 'http.server', '-b', '127.0.0.1', '-d', dir, '0')];
    web.push(await python('-u', '-m', 'http.server', '-b', '::1', '-d', dir, '0'));
    const webPorts = await Promise.all(web.map((server) => portIn(server, /^Serving HTTP on \S+ port (\d+)/)));
    const hash = await python(script('hash-server.py'), '127.0.0.1', '300000');
    const hashPort = await portIn(hash, /^listening on (\d+)/);
    const dnsPort = await startDns();
    const nobodyPort = await freePort();
    network = await Network.start();
    inward = forward('bob', [
      ...['--in', `${WEB}:127.0.0.1:${webPorts[0]}`, '--in', `${WEB6}:[::1]:${webPorts[1]}`],
      ...['--in', `${DNS}:127.0.0.1:${dnsPort}`, '--in', `${DNS}:127.0.0.1:${dnsPort}/udp`],
      ...['--in', `${HASH}:127.0.0.1:${hashPort}`, '--in', `${NOBODY}:127.0.0.1:${nobodyPort}`],
    ]);
    bob = JSON.parse(await inward.line()) as typeof bob;
    const to = (port: number, at = '127.0.0.1'): string[] => ['--out', `${at}:0:${bob.fqdn}:${port}`];
    outward = forward('alice', [
      ...[...to(WEB), ...to(WEB6, '[::1]'), ...to(DNS), '--out', `0:${bob.fqdn}:${DNS}/udp`],
      ...[...to(HASH), ...to(NOBODY), '--out', `0:${bob.fqdn}:1234`],
    ]);
    const { rules } = JSON.parse(await outward.line()) as { rules: Rule[] };
    ports = rules.map(({ listening: { port } }) => port);
  });
  after(async () => {
    for (const program of [inward, outward, ...servers]) if (program && !program.end) await program.kill();
    await network?.close();
    rmSync(dir, { recursive: true });
  });

  const forward = (account: string, args: string[]): Program =>
    ntmobile(['forward', ...args, '--json'], network.environment(account));

  const run = async (program: string, ...args: string[]): Promise<Program> =>
    Program.command(await findProgram(program), args, await serverEnvironment());

  async function python(...args: string[]): Promise<Program> {
    const server = await run('python3', ...args);
    servers.push(server);
    return server;
  }

  async function portIn(server: Program, pattern: RegExp): Promise<number> {
    return Number(pattern.exec(await server.line((line) => pattern.test(line)))![1]);
  }

  async function startDns(): Promise<number> {
    const port = await freePort();
    const where = ['--listen-address=127.0.0.1', '--bind-interfaces', `--port=${port}`];
    const alone = [
      '--no-resolv',
      '--no-hosts',
      '--conf-file=/dev/null',
      '--pid-file=',
      '--edns-packet-max=16384',
      '--log-facility=-',
    ];
    const records = ['--host-record=printer.example,192.0.2.7,2001:db8::7'];
    for (let i = 0; i < 40; i++) records.push(`--txt-record=many.example,${`${i} `.repeat(80)}`);
    const options = ['--keep-in-foreground', ...where, ...alone, ...records];
    const dns = await runServer('dnsmasq', options, 'errors as output');
    servers.push(dns);
    await dns.line((line) => line.includes('started, version'));
    return port;
  }

  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const curl = (...args: string[]): Promise<Program> => run('curl', '-sS', '--noproxy', '*', '-g', ...args);
  const dig = async (port: number, ...args: string[]): Promise<string> =>
    (await run('dig', '@127.0.0.1', '-p', `${port}`, '+tries=1', ...args)).finish();

  it('curl and http.server: 20 MB, over IPv4 and IPv6 of the host -> as they were', async () => {
    const out = join(dir, 'out');
    for (const url of [`http://127.0.0.1:${ports[0]}/file`, `http://[::1]:${ports[1]}/file`]) {
      await (await curl('-o', out, '--fail', url)).finish();
      assert.equal(await hashOf(out), sha256(file));
    }
  });

  async function hashOf(path: string): Promise<string> {
    const code = 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())';
    return (await run('python3', '-c', code, path)).finish();
  }

  it('curl and http.server: 100 downloads side by side -> all of them', async () => {
    const urls = Array.from({ length: 100 }, (_, i) => `http://127.0.0.1:${ports[0]}/?${i}`);
    const downloads = await curl('--parallel', '--parallel-max', '100', '-w', '\\n%{http_code}\\n', ...urls);
    await downloads.finish();
    assert.equal(downloads.lines.filter((line) => line === '200').length, 100);
  });

  it('the same, by an unmodified Node program at an IPv6 virtual address -> the list of files', async () => {
    const options = { node: 'direct', env: { NTMOBILE_NODE: 'direct' } };
    // The first start learns which addresses are virtual.
    for (const host of [bob.fqdn, `[${bob.addresses.ipv6}]`]) {
      const { status, body } = await network
        .program('alice', [example('fetch-client.mjs'), `http://${host}:${WEB6}/`], options)
        .json<{ status: number; body: string }>();
      assert.equal(status, 200);
      assert.match(body, />file</);
    }
  });

  it('sockets of Python: 100 send 100 kB, end, and read 300 kB -> all of it, in both directions', async () => {
    const client = await run('python3', script('hash-client.py'), '127.0.0.1', `${ports[4]}`, '100', '100000');
    assert.deepEqual(await client.json(), { same: 100, received: [300_000] });
  });

  it('sockets of Python: 20 MB sent, the direction ended -> the server saw the same', async () => {
    const client = await run('python3', script('hash-client.py'), '127.0.0.1', `${ports[4]}`, '1', `${MANY}`);
    assert.deepEqual(await client.json(), { same: 1, received: [300_000] });
  });

  it('dig and dnsmasq: asked by UDP and by TCP -> answers, and a long one after it was cut', async () => {
    assert.equal(await dig(ports[3]!, 'printer.example', 'A', '+short'), '192.0.2.7');
    assert.equal(await dig(ports[2]!, 'printer.example', 'AAAA', '+short', '+tcp'), '2001:db8::7');
    assert.match(await dig(ports[3]!, 'many.example', 'TXT', '+ignore', '+bufsize=512'), /flags: [a-z ]*\btc\b/);
    assert.equal((await dig(ports[2]!, 'many.example', 'TXT', '+tcp', '+short')).split('\n').length, 40);
    assert.match(await dig(ports[3]!, 'nothing.example', 'A'), /status: REFUSED/);
  });

  it('dig and dnsmasq: answers of 6 kB by UDP -> all of it', async () => {
    const answer = await dig(ports[3]!, 'many.example', 'TXT', '+short', '+bufsize=16384', '+ignore');
    assert.ok(answer.split('\n').length > 15, answer);
  });

  it('a target that is not there, a port that nobody has: curl asks -> reset', async () => {
    const codes = [];
    for (const port of ports.slice(5)) codes.push((await (await curl(`http://127.0.0.1:${port}/`)).ended).code);
    // By curl's codes: it could not connect, or not receive. The reset may come before curl has seen its connection.
    for (const code of codes) assert.ok(code === 7 || code === 56, `curl ended with code ${code}`);
  });

  it('a port of the host in use: forward -> it failed, and says which', async () => {
    const environment = network.environment('alice', { node: 'second', env: { NTMOBILE_NODE: 'second' } });
    const second = ntmobile(['forward', '--out', `${ports[0]}:${bob.fqdn}:80`], environment);
    await second.finish(1);
    assert.match(second.errors, new RegExp(`127\\.0\\.0\\.1:${ports[0]} is in use`));
  });

  it('ended by SIGTERM, by SIGINT -> code 0, and what each rule carried', async () => {
    outward.terminate();
    inward.signal('SIGINT');
    const of = async (program: Program): Promise<Count[]> => (await program.json<{ counts: Count[] }>()).counts;
    const [out, into] = [await of(outward), await of(inward)];
    assert.deepEqual(
      into.map(({ way, protocol, listening, open }) => [way, protocol, listening.port, open]),
      [WEB, WEB6, DNS, DNS, HASH, NOBODY].map((port, i) => ['in', i === 3 ? 'udp' : 'tcp', port, 0]),
    );
    assert.deepEqual(
      out.map(({ accepted }) => accepted),
      [101, 1, 2, 4, 101, 1, 1],
    );
    // A reset right behind the handshake is as good as a refusal, and may be met as one.
    const failures = out.map(({ failed }) => Object.keys(failed).join());
    assert.deepEqual(failures.slice(0, 5), Array(5).fill(''));
    assert.match(failures[5]!, /^ECONN(RESET|REFUSED)$/);
    assert.equal(failures[6], 'ECONNREFUSED');
    assert.deepEqual([into[5]!.failed, out[4]!.bytesOut], [{ ECONNREFUSED: 1 }, 100 * 100_000 + MANY]);
    assert.equal(out[4]!.bytesIn, into[4]!.bytesOut);
    assert.ok(out[0]!.bytesIn > MANY && out[1]!.bytesIn > MANY);
  });
});
