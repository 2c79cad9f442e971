/** Real programs: one is put out of the network while it talks; one joins with a key. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Network, ntmobile, portsOf, testProgram } from '../support/network';
import type { Program } from '../support/processes';

describe('accounts and join keys, with real programs', function () {
  this.timeout(60_000);
  let network: Network;
  let bob: Program;
  let target: string[];

  before(async () => (network = await Network.start()));
  beforeEach(async () => {
    const env = { NTMOBILE_LOG: 'info' };
    bob = network.program('bob', [testProgram('talk-until-reset.cjs'), '0'], { env });
    const [port] = await portsOf(bob);
    await bob.errorLine((said) => said.includes('joined as'));
    target = [testProgram('talk-until-reset.cjs'), String(port), network.fqdn('bob')];
  });
  after(() => network.close());

  function account(...args: string[]): Promise<Record<string, unknown>> {
    return ntmobile(['account', ...args, '--dir', join(network.dir, 'servers'), '--json']).json();
  }

  it('a program with a join key -> talks by its name; another node with it -> says why not; key removed -> out', async () => {
    const { key } = await account('key', 'add', 'alice', '--once', '--node', 'ci-7');
    const env = { NTMOBILE_ACCOUNT: undefined, NTMOBILE_PASSWORD: undefined, NTMOBILE_JOIN_KEY: String(key) };
    const machine = network.program('alice', target, { node: 'machine', env });
    await machine.line((said) => said.startsWith('talked with'));
    await bob.line((said) => said === `talked with ci-7.${network.fqdn('alice')}`);
    const other = network.program('alice', target, { node: 'another', env: { ...env, NTMOBILE_REQUIRED: '1' } });
    assert.equal((await other.ended).code, 1);
    assert.match(other.errors, /another node has used it.*NTM_JOIN_KEY/);
    assert(!(machine.errors + other.errors).includes(String(key)), 'the key is told to nobody');
    await account('key', 'remove', String(key));
    const [ofMachine, ofBob] = await Promise.all([machine.finish(), bob.finish()]);
    assert.match(ofMachine, /\nECONNRESET NTM_REVOKED$/);
    assert.match(ofBob, /\nECONNRESET/);
    assert.match(machine.errors, /its join key was removed \(NTM_REVOKED\)/);
  });

  it('two talk: the account of one is disabled -> the connection ends on both sides, a new login is refused', async () => {
    const alice = network.program('alice', target);
    await Promise.all([alice, bob].map((each) => each.line((said) => said.startsWith('talked with'))));
    await account('disable', 'alice');
    const [ofAlice, ofBob] = await Promise.all([alice.finish(), bob.finish()]);
    assert.match(ofAlice, /\nECONNRESET NTM_REVOKED$/);
    assert.match(ofBob, /\nECONNRESET/);
    assert.match(alice.errors, /its account was disabled \(NTM_REVOKED\)/);
    const again = network.program('alice', target, { env: { NTMOBILE_REQUIRED: '1' } });
    assert.equal((await again.ended).code, 1);
    assert.match(again.errors, /NTM_LOGIN_REFUSED/);
  });
});
