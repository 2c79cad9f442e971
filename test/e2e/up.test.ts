/** `ntmobile up` and `ntmobile account`, from outside. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Network, ntmobile, passwordOf, testProgram, portsOf, stop } from '../support/network';
import { join } from 'node:path';

describe('ntmobile up', function () {
  this.timeout(60_000);
  let network: Network;

  beforeEach(async () => {
    network = await Network.start();
  });
  afterEach(() => network.close());

  it('no directory yet: starts -> one line says how to join', () => {
    const { as, zone, accounts } = network.join;
    assert.match(as, /^ntmobile:\/\/[^/]+:\d+\/\?.*\bkey=[\w-]{43}/);
    assert.deepEqual(accounts, [
      { name: 'alice', fqdn: `alice.${zone}` },
      { name: 'bob', fqdn: `bob.${zone}` },
    ]);
    assert.equal(network.up.lines.length, 1);
  });

  it('no node joined: SIGTERM -> ends with code 0', async () => {
    network.up.terminate();
    assert.deepEqual(await network.up.ended, { code: 0, signal: null });
  });

  it('a node joined: SIGTERM -> ends with code 0, and the program ends when it is asked to', async () => {
    const bob = network.program('bob', [testProgram('http-server.cjs'), '::']);
    await portsOf(bob);
    const lookup = network.program('alice', [testProgram('lookup.cjs'), network.fqdn('bob')]);
    await lookup.finish();
    network.up.terminate();
    assert.deepEqual(await network.up.ended, { code: 0, signal: null });
    await stop(bob);
  });

  it('servers that ran before: start again in the same directory -> the same key, zone, accounts and addresses', async () => {
    const ask = async (from: Network): Promise<unknown> =>
      from.program('alice', [testProgram('lookup.cjs'), from.fqdn('bob')]).json();
    const before = await ask(network);
    network.up.terminate();
    await network.up.ended;

    const again = await Network.start([], network.dir);
    const identity = ({ as, zone, accounts }: Network['join']): unknown => ({
      key: /key=([\w-]+)/.exec(as)?.[1],
      zone,
      accounts,
    });
    assert.deepEqual(identity(again.join), identity(network.join));
    assert.deepEqual(await ask(again), before);
    again.up.terminate();
    await again.up.finish();
  });

  it('an unknown option: starts -> ends with a message and not with code 0', async () => {
    const program = ntmobile(['up', '--no-such-option']);
    assert.notEqual((await program.ended).code, 0);
    assert.match(program.errors, /no-such-option/);
  });

  describe('its DNS, asked by dig', () => {
    function dig(...question: string[]): string {
      const { address, port } = network.server('dns');
      const args = [`@${address}`, '-p', String(port), '+tries=1', '+norecurse', ...question];
      const { stdout, status, error } = spawnSync('dig', args, { encoding: 'utf8' });
      assert.equal(error, undefined);
      assert.equal(status, 0, stdout);
      return stdout;
    }

    for (const transport of ['+notcp', '+tcp']) {
      it(`a name of the zone: asked ${transport} -> its virtual addresses`, () => {
        assert.match(dig(transport, '+short', network.fqdn('bob'), 'A'), /^198\.1[89]\./);
        assert.match(dig(transport, '+short', network.fqdn('bob'), 'AAAA'), /^f[cd]/);
      });
    }

    it('the zone: asked for SOA and NS -> both are there', () => {
      assert.notEqual(dig('+short', network.join.zone, 'SOA').trim(), '');
      assert.notEqual(dig('+short', network.join.zone, 'NS').trim(), '');
    });

    it('an unknown name: asked -> NXDOMAIN with the SOA', () => {
      const answer = dig(`nobody.${network.join.zone}`, 'A');
      assert.match(answer, /status: NXDOMAIN/);
      assert.match(answer, /\sSOA\s/);
    });

    it('a name without such a record: asked -> no data, and not NXDOMAIN', () => {
      assert.match(dig(network.fqdn('bob'), 'TXT'), /status: NOERROR[^]*ANSWER: 0/);
    });
  });

  describe('ntmobile account', () => {
    const list = async (dir: string): Promise<string[]> => {
      const program = ntmobile(['account', 'list', '--dir', dir, '--json']);
      return (await program.json<{ accounts: { name: string }[] }>()).accounts.map(({ name }) => name).sort();
    };

    it('servers that run: an account is added -> it can log in at once', async () => {
      const dir = join(network.dir, 'servers');
      await ntmobile(['account', 'add', `carol:${passwordOf('carol')}`, '--dir', dir, '--json']).finish();
      assert.deepEqual(await list(dir), ['alice', 'bob', 'carol']);
      const seen = await network.program('carol', [testProgram('lookup.cjs'), network.fqdn('bob')]).json<object>();
      assert.ok('ipv4' in seen, JSON.stringify(seen));
    });

    it('servers that do not run: accounts are listed -> those of the directory', async () => {
      network.up.terminate();
      await network.up.ended;
      assert.deepEqual(await list(join(network.dir, 'servers')), ['alice', 'bob']);
    });

    it('an account that exists: added again -> refused with a message', async () => {
      const program = ntmobile(['account', 'add', 'alice:another', '--dir', join(network.dir, 'servers')]);
      assert.notEqual((await program.ended).code, 0);
      assert.match(program.errors, /alice/);
    });

    it('no directory: accounts are listed -> refused with a message', async () => {
      const program = ntmobile(['account', 'list', '--dir', join(network.dir, 'missing')]);
      assert.notEqual((await program.ended).code, 0);
      assert.match(program.errors, /missing/);
    });
  });
});
