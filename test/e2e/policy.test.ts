/** The policy of a network, between real programs: what it permits, refuses, and how it changes while they run. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Network, portsOf, stop, testProgram } from '../support/network';
import { temporaryDirectory } from '../support/paths';

describe('policy of a network', function () {
  this.timeout(60_000);
  let network: Network;
  const dir = temporaryDirectory();
  const policy = join(dir, 'policy.json');
  const permit = (...rules: [from: string, to: string, ports: string][]): void =>
    writeFileSync(policy, JSON.stringify({ rules: rules.map(([from, to, ports]) => ({ from, to, ports })) }));

  before(async () => {
    permit(['alice.*', 'bob.*', '1-65535/tcp']);
    network = await Network.start(['alice', 'bob', 'carol'], dir, ['--policy', policy]);
  });
  after(() => network.close());

  it('carol, whom no rule names: resolves the name, and connects -> EACCES, NTM_NOT_ALLOWED; alice is answered', async () => {
    const bob = network.program('bob', [testProgram('http-server.cjs'), '::']);
    const [port] = await portsOf(bob);
    const url = `http://${network.fqdn('bob')}:${port}/`;
    const carol = network.program('carol', [testProgram('ask-on-signal.cjs'), url]);
    assert.equal(await carol.line(), 'EACCES NTM_NOT_ALLOWED');
    const alice = network.program('alice', [testProgram('ask-on-signal.cjs'), url]);
    assert.equal(await alice.line(), 'status 200');
    for (const program of [carol, alice, bob]) await stop(program);
  });

  it('a connection that ticks: its port is permitted no more -> reset within moments; again -> a new one is served', async () => {
    const bob = network.program('bob', [testProgram('ticking.cjs')], { node: 'bob-2' });
    const [port] = await portsOf(bob);
    const dial = () =>
      network.program('alice', [testProgram('ticking.cjs'), network.fqdn('bob'), `${port}`], { node: 'alice-2' });
    const first = dial();
    await first.line((line) => line.includes('tick'));
    permit(['alice.*', 'bob.*', '1/tcp']);
    await network.traced('up', (events) => events.some(({ message }) => message === 'Policy Direction Ack'));
    await first.line((line) => !line.includes('tick'));
    first.terminate();
    await first.ended;
    writeFileSync(policy, '{ "rules": [ oh }'); // changes nothing, and is said
    permit(['alice.*', 'bob.*', `${port}/tcp`]);
    network.up.signal('SIGHUP');
    const second = dial();
    await second.line((line) => line.includes('tick'));
    second.terminate();
    await second.ended;
    bob.terminate();
    await bob.ended;
  });
});
