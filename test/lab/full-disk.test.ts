/** A disk that is full, and then is not: servers live on, refuse what they cannot keep and say so, and go on by themselves. */
import assert from 'node:assert/strict';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeLab } from '../support/lab';
import { portsOf, stop, testProgram } from '../support/network';
import { next, says } from '../support/outage';
import { killRunning, Program } from '../support/processes';
import { kinds, FiveServers } from '../support/five-servers';

describeLab('a full disk', function () {
  this.timeout(60_000);
  afterEach(async () => {
    await killRunning();
  });

  it('all five servers on it -> live on, new accounts and nodes are refused and counted; with room, all is well', async () => {
    const network = await FiveServers.make({ NTMOBILE_LOG: 'info' });
    await network.addAccounts('alice', 'bob', 'carol');
    const disk = await network.useSmallDisk('4m');
    for (const kind of kinds) network.start(kind);
    for (const kind of kinds) await network.serving(kind);
    const program = (account: string, file: string, ...args: string[]): Program =>
      Program.node(['-r', 'ntmobile/register', testProgram(file), ...args], network.environment(account));
    const bob = program('bob', 'ticking.cjs');
    const [port] = await portsOf(bob);
    const alice = program('alice', 'ticking.cjs', 'bob.ntm.test', `${port}`);
    await alice.line(says('tick'));

    fill(disk);
    const dave = network.account('dave');
    await dave.finish(1);
    assert.match(dave.errors, /^ntmobile: .*(disk is full|disk I\/O error)/);
    const carol = program('carol', 'ask-forever.cjs', `net,http://bob.ntm.test:${port}/`);
    await carol.line(says('net bob: EAI_AGAIN'));
    await next(alice, says('tick'), 3);
    assert.deepEqual(
      kinds.filter((kind) => network.running.get(kind)!.end),
      [],
      'all servers live',
    );
    const [health, ready, metrics] = await Promise.all(
      ['/health', '/ready', '/metrics'].map(async (path) => {
        const response = await network.get(path);
        return { status: response.status, text: await response.text() };
      }),
    );
    assert.equal(health!.status, 200);
    assert.equal(ready!.status, 503);
    assert.match(ready!.text, /(disk is full|disk I\/O error)/);
    assert.match(metrics!.text, /^ntmobile_store_errors_total\{server="dc",code="SQLITE_(FULL|IOERR[A-Z_]*)"\} [1-9]/m);

    rmSync(join(disk, 'fill'));
    await carol.line(says('net bob: connected'));
    await network.account('dave').finish();
    assert.equal((await network.get('/ready')).status, 200);
    assert.deepEqual(alice.lines.filter(says('broken')), []);
    for (const each of [carol, alice, bob]) await stop(each);
    await network.close();
  });
});

/** To the last byte. */
function fill(disk: string): void {
  for (let bytes = 1 << 20; bytes >= 1; bytes >>= 1) {
    try {
      for (;;) writeFileSync(join(disk, 'fill'), Buffer.alloc(bytes), { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  assert.equal(statfsSync(disk).bfree, 0);
}
