/** Servers that are away, and a wrong password: programs run on, hear promptly why, and go on without a restart. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/free-ports';
import { listeningPortsOf, Network, portsOf, stop, testProgram } from '../support/network';
import { loginsIn, next, restart, says } from '../support/outage';
import { killRunning, Program } from '../support/processes';

describe('servers that are away', function () {
  this.timeout(60_000);
  let network: Network;

  beforeEach(() => (network = undefined as unknown as Network));
  afterEach(async () => {
    await killRunning();
    rmSync(network.dir, { recursive: true, force: true });
  });

  async function isOver(...programs: Program[]): Promise<void> {
    for (const program of programs) await stop(program);
    await network.close();
  }

  const asks = (account: string, questions: string[], env: NodeJS.ProcessEnv = {}): Program =>
    network.program(account, [testProgram('ask-forever.cjs'), ...questions], { env });

  it("no AS at the start: programs ask -> told why in Node's shape, one that requires it ends; once there is one, they talk", async () => {
    network = await Network.start();
    network.up.terminate();
    await network.up.ended;
    const host = Program.node([testProgram('http-server.cjs'), '127.0.0.1']);
    const [hostPort] = await portsOf(host);
    const bob = network.program('bob', [testProgram('http-server.cjs'), '::']);
    const [port] = await listeningPortsOf(bob);
    const fqdn = network.fqdn('bob');
    const ways = { fetch: 'status 200', http: 'status 200', net: 'connected', lookup: 'found 198.18.', dgram: 'sent' };
    const alice = asks('alice', [
      `fetch,http://127.0.0.1:${hostPort}/`,
      ...Object.keys(ways).map((way) => `${way},http://${fqdn}:${port}/`),
    ]);
    const strict = network.program('bob', ['-e', 'setInterval(() => {}, 1_000)'], {
      node: 'strict',
      env: { NTMOBILE_REQUIRED: '1', NTMOBILE_NODE: 'strict' },
    });
    const failure = `EAI_AGAIN < NTM_AS_UNREACHABLE (getaddrinfo ${fqdn}) no answer from the account server in NTMOBILE_AS`;
    for (const way of Object.keys(ways)) {
      const prefix = way === 'fetch' ? 'fetch failed < ' : '';
      const line = await alice.line(says(`${way} bob: `));
      assert.ok(line.startsWith(`${way} bob: ${prefix}${failure}`), line);
    }
    assert.equal((await strict.ended).code, 1);
    assert.match(strict.errors, /^ntmobile: not joined: no answer from the account server .+ \(NTM_AS_UNREACHABLE\)$/m);
    const again = await restart(network);
    for (const [way, outcome] of Object.entries(ways)) await alice.line(says(`${way} bob: ${outcome}`));
    const ofHost = alice.lines.filter(says('fetch 127: '));
    assert.ok(ofHost.length > 5);
    assert.deepEqual(new Set(ofHost), new Set(['fetch 127: status 200']), 'the host network was never disturbed');
    network = again;
    await isOver(alice, bob, host);
  });

  it('servers killed while programs talk: connections and known names go on, new names fail; back with no state, all is well', async () => {
    network = await Network.start(['alice', 'bob', 'carol', 'dave', 'erin']);
    const bob = network.program('bob', [testProgram('ticking.cjs')]);
    const [bobPort] = await portsOf(bob);
    const carolPort = await freePort();
    const alice = network.program('alice', [testProgram('ticking.cjs'), network.fqdn('bob'), `${bobPort}`]);
    const dave = asks(
      'dave',
      [`net,http://${network.fqdn('bob')}:${bobPort}/`, `http,http://${network.fqdn('carol')}:${carolPort}/`],
      { NTMOBILE_REQUIRED: '1' },
    );
    await alice.line(says('tick'));
    await dave.line(says('net bob: connected'));
    await dave.line(says('http carol: EHOSTUNREACH < NTM_NODE_ABSENT'));

    await network.up.kill();
    await next(dave, says('http carol: EAI_AGAIN < NTM_DC_UNREACHABLE', 'no answer from the direction coordinator'));
    const carol = network.program('carol', [testProgram('http-server.cjs'), '::', `${carolPort}`]);
    await Promise.all([next(dave, says('net bob: connected'), 3), next(alice, says('tick'), 10)]);

    network = await restart(network);
    await next(dave, says('http carol: status 200'));
    const erin = asks('erin', [`net,http://${network.fqdn('bob')}:${bobPort}/`]);
    await erin.line(says('net bob: connected')); // so bob has registered again, without being asked by anybody
    await next(alice, says('tick'));
    assert.deepEqual(alice.lines.filter(says('broken')), []);
    assert.deepEqual(new Set(dave.lines.filter(says('net bob: '))), new Set(['net bob: connected']));
    assert.ok(loginsIn(network.trace('dave')) < 60, `${loginsIn(network.trace('dave'))} Configuration Requests`);
    await isOver(dave, erin, alice, bob, carol);
  });

  it('servers that hang and go on, as they were: a name is asked for -> fails, found again', async () => {
    network = await Network.start();
    const alice = asks('alice', [`lookup,http://${network.fqdn('bob')}:1/`]);
    await alice.line(says('lookup bob: found'));
    network.up.signal('SIGSTOP');
    await next(alice, says('lookup bob: EAI_AGAIN < NTM_DC_UNREACHABLE'));
    network.up.signal('SIGCONT');
    await next(alice, says('lookup bob: found'));
    await isOver(alice);
  });

  it('a wrong password in the file: a busy program asks -> one login; corrected, it goes on; others of the account never suffer', async () => {
    network = await Network.start();
    const passwordFile = join(network.dir, 'password');
    writeFileSync(passwordFile, 'not-the-password\n');
    const question = [`http,http://${network.fqdn('bob')}:1/`];
    const env = { NTMOBILE_PASSWORD: '', NTMOBILE_PASSWORD_FILE: passwordFile, NTMOBILE_NODE: 'worker' };
    const worker = network.program('alice', [testProgram('ask-forever.cjs'), ...question], { node: 'worker', env });
    await worker.line(says(`http bob: EAI_FAIL < NTM_LOGIN_REFUSED (getaddrinfo ${network.fqdn('bob')})`));
    const other = asks('alice', question);
    await other.line(says('EHOSTUNREACH < NTM_NODE_ABSENT'));
    await next(worker, says('NTM_LOGIN_REFUSED'), 6);
    assert.equal(loginsIn(network.trace('worker')), 1);
    writeFileSync(passwordFile, 'password-of-alice\n');
    await worker.line(says('EHOSTUNREACH < NTM_NODE_ABSENT'));
    assert.ok(![...worker.lines, worker.errors].join().includes('not-the-password'));
    await isOver(worker, other);
  });
});
