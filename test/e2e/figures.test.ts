/**
 * The trace of one login and one tunnel construction, with all servers in one process, against the paper's Figures 4 to
 * 6. test/lab/figures.test.ts has every part on a host of its own.
 */
import assert from 'node:assert/strict';
import { figureOf } from '../../core/wire/figures';
import { Network, portsOf, stop, testProgram } from '../support/network';
import { differences, type Traces } from '../support/paper-steps';
import type { Program } from '../support/processes';
import type { TraceLine } from '../support/trace-watch';

const has = (event: string, figure: number, step: number) => (events: TraceLine[]) =>
  events.some((line) => line['event'] === event && line['figure'] === figure && line['step'] === step);

describe("signalling against the paper's figures", function () {
  this.timeout(60_000);
  let network: Network;
  let bob: Program;
  let login: TraceLine[];

  /** One login with nothing beside it, then one tunnel construction with nothing beside it. */
  before(async () => {
    network = await Network.start();
    bob = network.program('bob', [testProgram('http-server.cjs'), '::']);
    const [port] = await portsOf(bob);
    login = await network.traced('up', has('receive', 4, 16));
    const client = network.program('alice', [testProgram('connect.cjs'), network.fqdn('bob'), String(port)]);
    await client.finish();
    await stop(bob);
  });
  after(() => network.close());

  function servers(events: TraceLine[]): Traces {
    const of = (part: string) => events.filter((line) => new RegExp(`^${part}([ .]|$)`).test(String(line['part'])));
    const [dc, ns] = [of('dc'), of('ns')];
    return { AS: of('as'), DC_MN: dc, DC_CN: dc, NS_MN: ns, NS_CN: ns };
  }

  it('new node: logs in -> all steps of Figure 4, in order', () => {
    const { AS, DC_MN, NS_MN } = servers(login) as Required<Traces>;
    const traces = { MN: network.trace('bob'), AS, DC_MN, NS_MN };
    assert.deepEqual(differences(figureOf(4), traces), []);
  });

  it('two nodes of one DC: one dials the other -> the steps of Figure 5, in order, but those between DCs', () => {
    const traces = { ...servers(network.trace('up')), MN: network.trace('alice'), CN: network.trace('bob') };
    assert.deepEqual(differences(figureOf(5), traces, { without: [3, 4, 5, 6, 7, 8, 14] }), []);
  });

  it('MN talks through the tunnel -> all steps of Figure 6 at MN, in order', () => {
    const steps = network.trace('alice').filter(({ figure }) => figure === 6);
    assert.deepEqual(
      steps.map(({ step }) => step),
      [1, 2, 3, 4, 5, 6],
    );
  });

  it('a run: its traces are searched -> no password is in them', () => {
    const secrets = ['password-of-alice', 'password-of-bob'];
    const text = ['up', 'alice', 'bob'].map((who) => JSON.stringify(network.trace(who))).join('\n');
    assert.ok(text.length > 100, 'there is a trace to search');
    assert.deepEqual(
      secrets.filter((secret) => text.includes(secret)),
      [],
    );
  });
});
