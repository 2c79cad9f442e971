/**
 * Two zones, as a real DNS delegates them: BIND has the root and `example`, and delegates `east.example`,
 * `west.example` and their reverse zones to a DC each, on hosts of their own. All hosts ask that BIND, by an ordinary
 * resolv.conf; so does a DC that looks for another (Figure 5 step 3).
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'mocha';
import { nodeRandom } from '../../core/runtime-node';
import { hashPassword } from '../../servers/account/password';
import { formatKey, serverKey } from '../../servers/serve/server-key';
import { openSqliteStore } from '../../servers/store/sqlite-store';
import { describeLab } from '../support/lab';
import { passwordOf, portsOf, testProgram } from '../support/network';
import { projectRoot, temporaryDirectory } from '../support/paths';
import { killRunning, Program } from '../support/processes';
import { findProgram, serverEnvironment } from '../support/servers';
import { readTrace } from '../support/trace-watch';

const hosts = { names: '192.0.2.1', east: '192.0.2.2', west: '192.0.2.3', alice: '192.0.2.4', bob: '192.0.2.5' };
type Host = keyof typeof hosts;
const ipv6 = (host: Host): string => hosts[host].replace('192.0.2.', 'fd20::');

describeLab('two zones that BIND delegates', function () {
  this.timeout(60_000);
  const suffix = process.pid.toString(36);
  const namespace = (host: Host | 'switch'): string => `dc${host[0]}${host[1]}${suffix}`;
  const dir = temporaryDirectory();
  let joinUrl = '';
  let named: Program;

  const ip = (...args: string[]): void => void execFileSync('ip', args);
  const at = (host: Host, command: readonly string[], env: NodeJS.ProcessEnv = {}): Program =>
    Program.command('ip', ['netns', 'exec', namespace(host), ...command], env);
  const ntmobile = (host: Host, args: readonly string[]): Program =>
    at(host, [process.execPath, join(projectRoot, 'dist/cli/main.js'), ...args]);
  const program = (host: 'alice' | 'bob', args: readonly string[]): Program =>
    at(host, [process.execPath, '-r', 'ntmobile/register', ...args], {
      NTMOBILE_AS: joinUrl,
      NTMOBILE_ACCOUNT: host,
      NTMOBILE_PASSWORD: passwordOf(host),
      NTMOBILE_STATE_DIR: join(dir, `state-${host}`),
      // Else a first line of a first start asks the host's DNS, and dials the virtual address that it gives.
      NTMOBILE_DOMAINS: 'west.example',
    });
  const dig = async (...args: string[]): Promise<string> => {
    const asked = at('alice', [await findProgram('dig'), '+tries=2', '+time=3', ...args], await serverEnvironment());
    await asked.ended;
    return asked.lines.join('\n');
  };

  async function serve(host: Host, kind: 'as' | 'dc', settings: object): Promise<Record<string, string>> {
    const file = join(dir, `${kind}-${host}.json`);
    writeFileSync(file, JSON.stringify({ dir: `${kind}-${host}`, trace: `${kind}-${host}.ndjson`, ...settings }));
    const server = ntmobile(host, ['serve', kind, '--config', file, '--json']);
    return (JSON.parse(await server.line()) as { about: Record<string, string> }).about;
  }

  function cable(): void {
    ip('netns', 'add', namespace('switch'));
    ip('-n', namespace('switch'), 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', namespace('switch'), 'link', 'set', 'bridge', 'up');
    for (const host of Object.keys(hosts) as Host[]) {
      const name = namespace(host);
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('link', 'add', 'cable', 'netns', name, 'type', 'veth', 'peer', 'name', host, 'netns', namespace('switch'));
      ip('-n', namespace('switch'), 'link', 'set', host, 'master', 'bridge', 'up');
      ip('-n', name, 'address', 'add', `${hosts[host]}/24`, 'dev', 'cable');
      ip('-n', name, 'address', 'add', `${ipv6(host)}/64`, 'dev', 'cable', 'nodad');
      ip('-n', name, 'link', 'set', 'cable', 'up');
      mkdirSync(`/etc/netns/${name}`, { recursive: true }); // ip-netns(8): bound over /etc by `ip netns exec`
      writeFileSync(`/etc/netns/${name}/resolv.conf`, `nameserver ${hosts.names}\n`);
    }
  }

  /** The root, `example`, and the delegations: each DC has two names and addresses of both IP versions. */
  function rootZone(blocks: Record<'east' | 'west', { first: number; ipv6: string }>): string {
    const delegations = (['east', 'west'] as const).flatMap((zone) => {
      const reverse = Array.from({ length: 32 }, (_, i) => `${blocks[zone].first + i}.18.198.in-addr.arpa.`);
      const names = [`${zone}.example.`, `${blocks[zone].ipv6}.`, ...reverse];
      return [
        ...names.flatMap((name) => [`${name} NS dc.${zone}.example.`, `${name} NS ns2.${zone}.example.`]),
        ...['dc', 'ns2'].flatMap((server) => [
          `${server}.${zone}.example. A ${hosts[zone]}`,
          `${server}.${zone}.example. AAAA ${ipv6(zone)}`,
        ]),
      ];
    });
    const own = ['. SOA root. hostmaster. 1 3600 600 86400 5', '. NS root.', `root. A ${hosts.names}`];
    return ['$TTL 60', ...own, ...delegations, ''].join('\n');
  }

  async function startBind(zone: string): Promise<void> {
    const bind = join(dir, 'bind');
    mkdirSync(bind);
    writeFileSync(join(bind, 'root.zone'), zone);
    const options = `
      options {
        directory "${bind}"; pid-file none; session-keyfile none;
        listen-on { ${hosts.names}; }; listen-on-v6 { none; };
        recursion yes; allow-recursion { any; }; allow-query { any; };
        dnssec-validation no; empty-zones-enable no; querylog yes; qname-minimization strict;
      };
      controls { };
      logging { channel said { stderr; severity info; }; category default { said; }; category queries { said; }; };
      zone "." { type primary; file "root.zone"; };`;
    writeFileSync(join(bind, 'named.conf'), options);
    const command = [await findProgram('named'), '-f', '-c', join(bind, 'named.conf')];
    // What it logs, as lines of output.
    named = at('names', ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command], await serverEnvironment());
    await named.line((line) => line.includes('running'));
  }

  before(async () => {
    cable();
    const keys = Object.fromEntries(
      (['east', 'west'] as const).map((zone) => [zone, serverKey(join(dir, `dc-${zone}`), nodeRandom)]),
    );
    const store = openSqliteStore(join(dir, 'as-names'));
    for (const [name, zone] of [
      ['alice', 'east'],
      ['bob', 'west'],
    ] as const) {
      await store.accounts.add(name, await hashPassword(passwordOf(name), nodeRandom), 0, `${zone}.example`);
    }
    store.close();
    const coordinators = Object.entries(keys).map(([zone, { publicKey }]) => ({
      zone: `${zone}.example`,
      key: formatKey(publicKey),
    }));
    const as = await serve('names', 'as', { listen: `${hosts.names}:4000`, zone: 'east.example', coordinators });
    joinUrl = as['NTMOBILE_AS']!;
    for (const zone of ['east', 'west'] as const) {
      await serve(zone, 'dc', {
        ...{ listen: [`${hosts[zone]}:4001`, `[${ipv6(zone)}]:4001`], zone: `${zone}.example`, accountServer: joinUrl },
        dns: [`${hosts[zone]}:53`, `[${ipv6(zone)}]:53`],
        nameServers: [{ name: `ns2.${zone}.example`, addresses: [hosts[zone], ipv6(zone)] }],
      });
    }
    const registry = openSqliteStore(join(dir, 'as-names'));
    const blockOf = async (zone: string) => {
      const { ipv4Block, ipv6Prefix } = (await registry.coordinators.find(`${zone}.example`))!;
      const groups = ipv6Prefix.split('::')[0]!.split(':');
      const nibbles = groups.map((group) => group.padStart(4, '0')).join('');
      return { first: Number(ipv4Block.split('.')[2]), ipv6: `${[...nibbles].reverse().join('.')}.ip6.arpa` };
    };
    const blocks = { east: await blockOf('east'), west: await blockOf('west') };
    registry.close();
    await startBind(rootZone(blocks));
  });

  after(async () => {
    await killRunning();
    for (const host of [...(Object.keys(hosts) as Host[]), 'switch'] as const) {
      execFileSync('ip', ['netns', 'delete', namespace(host)]);
      rmSync(`/etc/netns/${namespace(host)}`, { recursive: true, force: true });
    }
    rmSync(dir, { recursive: true });
  });

  it('dig by way of BIND: SOA, NS with glue, A, AAAA, PTR, no data, no such name -> as delegated', async () => {
    for (const zone of ['east.example', 'west.example']) {
      assert.match(await dig('+short', zone, 'SOA'), new RegExp(`^dc\\.${zone}\\. hostmaster\\.${zone}\\. \\d+ `));
      const servers = (await dig('+short', zone, 'NS')).split('\n').sort();
      assert.deepEqual(servers, [`dc.${zone}.`, `ns2.${zone}.`]);
    }
    assert.deepEqual(await dig('+short', 'ns2.west.example', 'A'), hosts.west);
    assert.deepEqual(await dig('+short', 'dc.west.example', 'AAAA'), ipv6('west'));
    const [v4, v6] = [await dig('+short', 'bob.west.example', 'A'), await dig('+short', 'bob.west.example', 'AAAA')];
    assert.match(v4, /^198\.18\.\d+\.\d+$/);
    assert.match(v6, /^fd[\da-f:]+$/);
    assert.equal(await dig('+short', '-x', v4), 'bob.west.example.');
    assert.equal(await dig('+short', '-x', v6), 'bob.west.example.');
    const nobody = v4.replace(/\d+$/, '250');
    assert.match(await dig('-x', nobody), /status: NXDOMAIN/);
    assert.match(await dig('bob.west.example', 'MX'), /status: NOERROR[^]*ANSWER: 0,[^]*SOA/);
    assert.match(await dig('nobody.west.example'), /status: NXDOMAIN[^]*SOA/);
    assert.match(await dig('+tcp', `@${hosts.west}`, 'bob.west.example'), /flags: qr aa rd;[^]*198\.18\./);
    assert.match(await dig(`@${ipv6('west')}`, 'alice.east.example'), /status: REFUSED/);
  });

  it('a node of east dials a node of west -> its DC finds the other by the NS record that BIND has', async () => {
    const bob = program('bob', [testProgram('http-server.cjs'), '::']);
    const [port] = await portsOf(bob);
    const client = program('alice', [testProgram('get-cjs.cjs'), `http://bob.west.example:${port}/`]);
    assert.match(await client.line(), /"from":"(::ffff:198\.18\.|fd)/);
    await client.ended;
    const asked = named.lines.filter((line) => line.includes(`${hosts.east}#`) && line.includes('query: '));
    assert(
      asked.some((line) => line.includes('query: west.example IN NS')),
      asked.join('\n'),
    );
    assert(
      asked.some((line) => line.includes('query: dc.west.example IN A ')),
      asked.join('\n'),
    );
    const steps = readTrace(join(dir, 'dc-east.ndjson'))
      .filter(({ figure, step }) => figure === 5 && Number(step) >= 3 && Number(step) <= 8)
      .filter(({ event, step }) => event === 'receive' || [3, 4, 6, 8].includes(Number(step)))
      .map(({ step }) => step);
    assert.deepEqual(steps, [3, 4, 5, 6, 7, 8]);
    bob.terminate();
    await bob.ended;
  });
});
