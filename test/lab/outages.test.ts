/** Parts of the network that are away, each by itself: the DC, a host's network, the name of the AS. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeLab } from '../support/lab';
import { portsOf, testProgram } from '../support/network';
import { loginsIn, next, says } from '../support/outage';
import type { Program } from '../support/processes';
import { RouterLab, type Host } from '../support/router-lab';

describeLab('parts of the network that are away', function () {
  this.timeout(60_000);
  const lab = new RouterLab();
  const dir = mkdtempSync(join(tmpdir(), 'ntmobile-test-'));
  let alice: Program;
  let ticking: Program;
  let bobUrl: string;
  let zone: string;

  before(async () => {
    lab.start();
    await lab.startNetwork(4);
    ({ zone } = lab.network);
    const bob = lab.program('bob', [testProgram('ticking.cjs')]);
    const [port] = await portsOf(bob);
    bobUrl = `http://${lab.fqdn('bob')}:${port}/`;
    ticking = lab.program('alice', [testProgram('ticking.cjs'), lab.fqdn('bob'), `${port}`], 'ticking');
    alice = lab.program('alice', [testProgram('ask-forever.cjs'), `net,${bobUrl}`, `lookup,http://nobody.${zone}/`]);
    await Promise.all([ticking.line(says('tick')), alice.line(says('net bob: connected'))]);
    await alice.line(says('lookup nobody: ENOTFOUND < NTM_NO_SUCH_NAME'));
  });
  after(async () => {
    await lab.stop();
    rmSync(dir, { recursive: true });
  });

  const asks = (host: Host, label: string, url: string, env?: NodeJS.ProcessEnv): Program =>
    lab.program(host, [testProgram('ask-forever.cjs'), `net,${url}`], label, env);

  it('the DC alone is away: names are asked for -> known ones are reached, others fail; new nodes join when it is back', async () => {
    const { dc } = lab.network.servers as Record<'dc', { port: number }>;
    lab.loseDatagramsTo(dc.port);
    const late = asks('alice', 'late', bobUrl);
    await next(
      alice,
      says('lookup nobody: EAI_AGAIN < NTM_DC_UNREACHABLE', 'no answer from the direction coordinator'),
    );
    await late.line(says('net bob: EAI_AGAIN < NTM_DC_UNREACHABLE', 'cannot reach the direction coordinator'));
    await Promise.all([next(alice, says('net bob: connected')), next(ticking, says('tick'), 5)]);
    lab.loseDatagramsTo(undefined);
    await Promise.all([next(alice, says('lookup nobody: ENOTFOUND')), late.line(says('net bob: connected'))]);
    assert.ok(loginsIn(lab.trace('alice', 'late')) <= 8, 'the AS is not asked all the time');
    assert.deepEqual(new Set(alice.lines.filter(says('net bob: '))), new Set(['net bob: connected']));
    await late.kill();
  });

  it("a host without a network, and a resolver: programs on it ask -> told why; the network comes -> theirs and others' go on", async () => {
    const hosts = join(dir, 'hosts');
    writeFileSync(hosts, '127.0.0.1 localhost\n');
    const resolver = join(dir, 'resolv.conf');
    writeFileSync(resolver, 'nameserver 192.0.2.2\noptions timeout:1 attempts:1\n');
    const as = new URL(lab.network.as);
    const address = as.hostname;
    as.hostname = 'as.example';
    lab.setCable('bob', 'down');
    const fresh = lab.program('bob', [testProgram('ask-forever.cjs'), `lookup,http://${lab.fqdn('alice')}/`], 'fresh', {
      NTMOBILE_AS: as.href,
      LAB_HOSTS: hosts,
      LAB_RESOLVER: resolver,
    });
    await fresh.line(says('lookup alice: EAI_AGAIN < NTM_AS_UNREACHABLE', 'as.example, cannot be looked up now'));
    writeFileSync(hosts, `127.0.0.1 localhost\n${address} as.example\n`);
    await fresh.line(says('lookup alice: EAI_AGAIN < NTM_AS_UNREACHABLE', 'cannot send there now: ENETUNREACH'));
    lab.setCable('bob', 'up');
    await fresh.line(says('lookup alice: found'));
    await Promise.all([next(ticking, says('tick'), 3), next(alice, says('net bob: connected'))]);
    assert.deepEqual(ticking.lines.filter(says('broken')), []);
    await fresh.kill();
  });
});
