/** Programs that are not Node's, on both sides: redis-cli talks to redis-server by a name. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { Network, ntmobile, testProgram } from '../support/network';
import { temporaryDirectory } from '../support/paths';
import { Program } from '../support/processes';
import { describeWith, findProgram, serverEnvironment, startRedis } from '../support/servers';

interface Ready {
  readonly fqdn: string;
  readonly rules: readonly { readonly way: string; readonly listening: { readonly address: string; port: number } }[];
}
interface Ended {
  readonly counts: readonly {
    accepted: number;
    open: number;
    bytesIn: number;
    bytesOut: number;
    failed: Record<string, number>;
  }[];
}

const MANY = 8_000_000;

describeWith(['redis-server', 'redis-cli'], 'ntmobile forward', function () {
  this.timeout(60_000);
  const dir = temporaryDirectory();
  let network: Network;
  let redis: Program | undefined;
  let inward: Program;
  let outward: Program;
  let outPort: number;

  before(async () => {
    const [started, redisPort] = await startRedis(dir);
    redis = started;
    network = await Network.start();
    inward = forward('bob', '--in', `6379:127.0.0.1:${redisPort}`);
    assert.equal((JSON.parse(await inward.line()) as Ready).fqdn, network.fqdn('bob'));
    const bob = network.fqdn('bob');
    outward = forward('alice', '--out', `127.0.0.1:0:${bob}:6379`, '--out', `[::1]:0:${bob}:9`);
    const { rules } = JSON.parse(await outward.line()) as Ready;
    assert.deepEqual(
      rules.map(({ way, listening }) => [way, listening.address]),
      [
        ['out', '127.0.0.1'],
        ['out', '::1'],
      ],
    );
    outPort = rules[0]!.listening.port;
  });
  after(async () => {
    for (const program of [inward, outward, redis]) if (program && !program.end) await program.kill();
    await network?.close();
    rmSync(dir, { recursive: true });
  });

  const forward = (account: string, ...args: string[]): Program =>
    ntmobile(['forward', ...args, '--json'], network.environment(account));

  /** In a shell, so that a test can pipe; `$CLI` is redis-cli towards alice's port. */
  const shell = async (script: string): Promise<Program> =>
    Program.command('sh', ['-c', script], {
      ...(await serverEnvironment()),
      CLI: `${await findProgram('redis-cli')} -p ${outPort}`,
    });

  it('redis by name: redis-cli asks -> answers', async () => {
    assert.equal(await (await shell('$CLI SET who alice && $CLI GET who')).finish(), 'OK\nalice');
  });

  it('redis by name: megabytes each way -> all of them', async () => {
    const up = `head -c ${MANY} /dev/zero | tr '\\0' x | $CLI -x SET big && $CLI STRLEN big`;
    assert.equal(await (await shell(up)).finish(), `OK\n${MANY}`);
    assert.match(await (await shell('$CLI --raw GET big | wc -c')).finish(), new RegExp(`${MANY + 1}`));
  });

  it('redis by name: a Node program with the preload dials the same port -> redis answers', async () => {
    const program = network.program('alice', [testProgram('redis-ping.cjs'), network.fqdn('bob')], {
      node: 'direct',
      env: { NTMOBILE_NODE: 'direct' },
    });
    assert.equal(await program.finish(), '+PONG');
  });

  it('a name that is not of the network: forward -> called wrongly, and it is said why', async () => {
    // As a node of its own: it joins before it knows.
    const env = network.environment('alice', { node: 'mistaken', env: { NTMOBILE_NODE: 'mistaken' } });
    const program = ntmobile(['forward', '--out', '0:www.example.org:80', '--json'], env);
    await program.finish(2);
    assert.match(program.errors, /www\.example\.org is not a name of this network/);
  });

  it('nothing to forward, a malformed rule: forward -> called wrongly', async () => {
    await forward('alice').finish(2);
    await forward('alice', '--in', '80').finish(2);
  });

  it('a wrong password: forward -> it failed, and says so once', async () => {
    const env = network.environment('alice', { password: 'wrong' });
    const program = ntmobile(['forward', '--out', '0:x.ntm.internal:80'], env);
    await program.finish(1);
    assert.equal(program.errors.trim().split('\n').length, 1, program.errors);
  });

  it('redis gone: redis-cli asks -> it fails, and the log says where', async () => {
    await redis!.kill();
    await (await shell('$CLI GET who; exit 7')).finish(7);
    outward.terminate();
    inward.terminate();
    const out = JSON.parse((await outward.finish()).split('\n').at(-1)!) as Ended;
    const into = JSON.parse((await inward.finish()).split('\n').at(-1)!) as Ended;
    assert.match(inward.errors, /"side":"host","code":"ECONNREFUSED"/);
    assert.match(outward.errors, /"side":"virtual","code":"ECONNRESET"/);
    assert.ok((into.counts[0]!.failed['ECONNREFUSED'] ?? 0) > 0);
    assert.ok((out.counts[0]!.failed['ECONNRESET'] ?? 0) > 0);
    assert.ok(out.counts[0]!.bytesIn >= MANY && out.counts[0]!.bytesOut >= MANY, JSON.stringify(out));
    assert.deepEqual([out.counts[0]!.open, out.counts[1]!.accepted, into.counts[0]!.open], [0, 0, 0]);
  });
});
