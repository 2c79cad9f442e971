/** Two hosts behind NATs that let nobody in, with the same private address (paper, Figure 9). */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { portsOf, testProgram } from '../support/network';
import { next, says } from '../support/outage';
import { RouterLab } from '../support/router-lab';

describeLab('two hosts behind NATs', function () {
  this.timeout(60_000);
  const lab = new RouterLab();

  before(() => lab.startBehindNats());
  after(async () => {
    assert.deepEqual(await lab.stop(), [], 'no program is left running');
  });

  it('a program connects to the other by name -> it is answered through the relay server, on and on', async () => {
    const bob = lab.program('bob', [testProgram('ticking.cjs')]);
    const [port] = await portsOf(bob);
    const alice = lab.program('alice', [testProgram('ticking.cjs'), lab.fqdn('bob'), `${port}`]);
    await alice.line(says('tick'));
    await next(alice, says('tick'), 5);
    const rs = lab.network.servers.rs as { address: string; port: number };
    for (const host of ['alice', 'bob'] as const) {
      const established = lab.trace(host).filter(({ event }) => event === 'established');
      assert.deepEqual(new Set(established.map(({ path }) => path)), new Set([`relay ${rs.address}:${rs.port}`]));
    }
    alice.terminate();
    bob.terminate();
    await Promise.all([alice.ended, bob.ended]);
  });
});
