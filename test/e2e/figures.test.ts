/** The trace of one login and one tunnel construction, step by step against the paper's Figures 4 and 5. */
import assert from 'node:assert/strict';
import { Network, portsOf, stop, testProgram } from '../support/network';
import { expectedOf, figure4, figure5, strandsOf, tracedOf, type Part, type Step } from '../support/paper-steps';
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

  const atServer = (events: TraceLine[], part: Part): TraceLine[] =>
    events.filter((line) => new RegExp(`^${part}([ .]|$)`).test(String(line['part'])));

  function assertSteps(events: TraceLine[], part: Part, number: 4 | 5, figure: readonly Step[]): void {
    assert.deepEqual(strandsOf(number, tracedOf(events, number, figure)), strandsOf(number, expectedOf(part, figure)));
  }

  describe('Figure 4, login', () => {
    it("new node: logs in -> the node traces its steps in the paper's order", () => {
      assertSteps(network.trace('bob'), 'mn', 4, figure4);
    });

    for (const part of ['as', 'dc', 'ns'] as const) {
      it(`new node: logs in -> ${part.toUpperCase()} traces its steps in the paper's order`, () => {
        assertSteps(atServer(login, part), part, 4, figure4);
      });
    }
  });

  describe('Figure 5, tunnel construction', () => {
    it("two nodes: one dials the other -> MN traces its steps in the paper's order", () => {
      assertSteps(network.trace('alice'), 'mn', 5, figure5);
    });

    it("two nodes: one dials the other -> CN traces its steps in the paper's order", () => {
      assertSteps(network.trace('bob'), 'cn', 5, figure5);
    });

    for (const part of ['dc', 'ns'] as const) {
      it(`two nodes: one dials the other -> ${part.toUpperCase()} traces its steps in the paper's order`, () => {
        assertSteps(atServer(network.trace('up'), part), part, 5, figure5);
      });
    }
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
