/** A machine whose resolver is the test's own: it is asked for the host's names, and never for one of the network. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeLab } from '../support/lab';
import { passwordOf, testProgram, type JoinLine } from '../support/network';
import { projectRoot, temporaryDirectory } from '../support/paths';
import { killRunning, Program } from '../support/processes';

describeLab('the host has a resolver', function () {
  this.timeout(60_000);
  const namespace = `ntmd${process.pid.toString(36)}`;
  const dir = temporaryDirectory();
  const resolvConf = join(dir, 'resolv.conf');
  let resolver: Program;
  let network: JoinLine;

  /** `node args` where the loopback is the only interface and the test's resolver the only one. */
  function node(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const inside = `mount --bind ${resolvConf} /etc/resolv.conf && exec "$0" "$@"`;
    const there = ['netns', 'exec', namespace, 'unshare', '--mount', 'sh', '-c', inside];
    return Program.command('ip', [...there, process.execPath, ...args], env);
  }

  const preloaded = (account: string, args: readonly string[]): Program =>
    node(['-r', 'ntmobile/register', ...args], {
      NTMOBILE_AS: network.as,
      NTMOBILE_ACCOUNT: account,
      NTMOBILE_PASSWORD: passwordOf(account),
      NTMOBILE_STATE_DIR: join(dir, account),
    });

  const asked = (): string[] => resolver.lines.filter((line) => line.startsWith('asked ')).map((line) => line.slice(6));

  before(async () => {
    execFileSync('ip', ['netns', 'add', namespace]);
    execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    writeFileSync(resolvConf, 'nameserver 127.0.0.1\nsearch lan.example\noptions timeout:1 attempts:1\n');
    resolver = node([testProgram('host-resolver.cjs')]);
    await resolver.line();
    const accounts = ['alice', 'bob'].flatMap((name) => ['--account', `${name}:${passwordOf(name)}`]);
    const cli = join(projectRoot, 'dist/cli/main.js');
    const up = node([cli, 'up', '--dir', join(dir, 'servers'), '--json', ...accounts]);
    network = JSON.parse(await up.line()) as JoinLine;
  });
  after(async () => {
    await killRunning();
    execFileSync('ip', ['netns', 'delete', namespace]);
    rmSync(dir, { recursive: true, force: true });
  });

  it('names asked for in every way that Node has -> the resolver sees those of the host only', async () => {
    const zone = network.zone;
    const name = `bob.${zone}`;
    const bob = preloaded('bob', ['-e', "require('node:net').createServer().listen(9000, () => console.log('up'))"]);
    await bob.line();
    const args = [testProgram('all-queries.cjs'), name, `nobody.${zone}`, 'printer.lan.example'];
    const said = await preloaded('alice', args).json<Record<string, any>>();

    assert.deepEqual(said['known'], {
      A: [said['address']],
      AAAA: [said['ipv6']],
      ANY: [
        { address: said['address'], ttl: 60, type: 'A' },
        { address: said['ipv6'], ttl: 60, type: 'AAAA' },
      ],
      ...Object.fromEntries(
        ['CAA', 'CNAME', 'MX', 'NAPTR', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'].map((type) => [type, 'ENODATA']),
      ),
    });
    assert.deepEqual(new Set(Object.values(said['missing'] as object)), new Set(['ENOTFOUND']));
    assert.deepEqual([said['reverse'], said['reverse6'], said['service']], [[name], [name], name]);
    const failed = [said['nobody'], said['missingLookup'], said['connect'], said['host']];
    assert.deepEqual(failed, ['ENOTFOUND', 'ENOTFOUND', 'ENOTFOUND', 'ENOTFOUND']);
    const [ipv4, ipv6] = said['interface'] as { cidr: string; internal: boolean }[];
    assert.match(ipv4!.cidr, /^198\.1[89]\.\d+\.\d+\/\d+$/);
    assert.match(ipv6!.cidr, /^fd[\da-f:]+\/\d+$/);

    // The resolver works and is looked at: without this the rest would prove nothing.
    assert.ok(asked().includes('printer.lan.example'), asked().join());
    const ofOurs = asked().filter((each) => !each.startsWith('printer.lan.example'));
    assert.deepEqual(ofOurs, []);
  });
});
