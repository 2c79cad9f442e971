/** NTMOBILE_ALLOW: who gets in to an unmodified server, over TCP and UDP, from processes of other accounts. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listeningPortsOf, Network, portsOf, stop, testProgram } from '../support/network';
import type { NodeOptions } from '../support/network';
import { Program } from '../support/processes';

interface Outcome {
  readonly tcp: string;
  readonly udp: string;
}

const letIn: Outcome = { tcp: 'hello', udp: 'echo' };
const refused: Outcome = { tcp: 'ECONNREFUSED', udp: 'ECONNREFUSED' };

describe('inbound rules of a server', function () {
  this.timeout(60_000);
  let network: Network;

  before(async () => {
    network = await Network.start(['alice', 'bob', 'carol', 'mallory']);
  });
  after(() => network.close());

  const serve = (env: NodeJS.ProcessEnv): Program => network.program('bob', [testProgram('serve-both.cjs')], { env });
  const trying = (account: string, ports: number[], options: NodeOptions = {}): Promise<Outcome> =>
    network
      .program(account, [testProgram('try-both.cjs'), network.fqdn('bob'), ...ports.map(String)], options)
      .json<Outcome>();

  it('rules for alice: alice, carol, and a node `alice` of mallory ask -> alice is let in, the others find closed ports', async () => {
    const server = serve({ NTMOBILE_ALLOW: 'alice.*:*,carol.*:1-1023' });
    const ports = await portsOf(server);
    assert.deepEqual(await trying('alice', ports), letIn);
    assert.deepEqual(await trying('carol', ports), refused);
    const disguised = { node: 'alice-of-mallory', env: { NTMOBILE_NODE: 'alice' } };
    assert.deepEqual(await trying('mallory', ports, disguised), refused);
    assert.deepEqual(await trying('alice', ports), letIn);
    await stop(server);
    const events = network.trace('bob');
    const told = events.filter(({ event }) => event === 'refused').map(({ peer, protocol }) => `${peer} ${protocol}`);
    const [carol, mallory] = [network.fqdn('carol'), `alice.${network.fqdn('mallory')}`];
    assert.deepEqual([...new Set(told)], [`${carol} tcp`, `${carol} udp`, `${mallory} tcp`, `${mallory} udp`]);
    const last = events.find(({ event }) => event === 'statistics');
    const counts = last?.['refused'] as { tcp: number; udp: number };
    assert(counts.tcp >= 2 && counts.udp >= 2, JSON.stringify(counts));
  });

  it('rules in NTMOBILE_CONFIG -> hold as well', async () => {
    const file = join(network.dir, 'settings.json');
    writeFileSync(file, JSON.stringify({ allow: [`${network.fqdn('carol')}:1024-65535/tcp`] }));
    const server = serve({ NTMOBILE_CONFIG: file });
    const ports = await portsOf(server);
    assert.deepEqual(await trying('carol', ports), { tcp: 'hello', udp: 'ECONNREFUSED' });
    await stop(server);
  });

  it('rules that admit nobody: this node asks carol over TCP and UDP -> is answered', async () => {
    const server = network.program('carol', [testProgram('serve-both.cjs')]);
    const ports = await portsOf(server);
    const args = [testProgram('try-both.cjs'), network.fqdn('carol'), ...ports.map(String)];
    const env = { NTMOBILE_ALLOW: 'nobody.example:1' };
    assert.deepEqual(await network.program('bob', args, { env }).json<Outcome>(), letIn);
    await stop(server);
  });

  it('a malformed rule -> said, the program serves its host, and nobody gets in by name', async () => {
    const server = serve({ NTMOBILE_ALLOW: 'alice.*:443,carol.*' });
    const [tcp, udp] = await listeningPortsOf(server); // it never joins
    const atHost = Program.node([testProgram('try-both.cjs'), '127.0.0.1', String(tcp), String(udp)]);
    assert.deepEqual(await atHost.json<Outcome>(), letIn);
    const byName = await trying('alice', [tcp!, udp!]);
    assert.notEqual(byName.tcp, 'hello');
    assert.notEqual(byName.udp, 'echo');
    await stop(server);
    assert.match(
      server.errors,
      /^ntmobile: not joined: NTMOBILE_ALLOW rule `carol\.\*` names no ports; .* \(NTM_CONFIG\)$/m,
    );
  });

  it('a malformed rule under NTMOBILE_REQUIRED -> the program ends', async () => {
    const server = serve({ NTMOBILE_ALLOW: 'carol.*', NTMOBILE_REQUIRED: '1' });
    await server.finish(1);
    assert.match(server.errors, /NTMOBILE_ALLOW rule `carol\.\*`/);
  });
});
