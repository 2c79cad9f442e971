import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { run, temporaryDirectory, up } from '../support/command';
import { loginOverUdp } from '../support/udp-client';

describe('ntmobile account', function () {
  this.timeout(30_000);
  let directory: ReturnType<typeof temporaryDirectory>;
  let dir: string;
  let running: Awaited<ReturnType<typeof up>> | undefined;

  beforeEach(() => {
    directory = temporaryDirectory();
    dir = join(directory.path, 'net');
  });
  afterEach(async () => {
    await running?.stop('SIGKILL');
    running = undefined;
    directory.remove();
  });

  const account = (args: readonly string[], input = '') => run(['account', ...args, '--dir', dir, '--json'], input);

  async function done(args: readonly string[], input = ''): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await account(args, input);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  async function fails(args: readonly string[], code: number, message: RegExp): Promise<void> {
    const failed = await account(args, 'password\n');
    assert.deepEqual([failed.code, failed.stdout], [code, ''], args.join(' '));
    assert.match(failed.stderr, message);
  }

  it('servers run: an account from its beginning to its end', async () => {
    const { ready } = (running = await up(['--dir', dir]));
    const login = (password: string) => loginOverUdp(ready.as, 'alice', password);
    assert.deepEqual(await done(['add', 'alice'], 'first\n'), { name: 'alice', fqdn: 'alice.ntm.internal' });
    await login('first');
    const listed = (await done(['list'])).accounts as Record<string, unknown>[];
    const [{ created, lastLogin, nodes, ...rest }] = listed as [Record<string, unknown>];
    assert.deepEqual(rest, { name: 'alice', fqdn: 'alice.ntm.internal', zone: 'ntm.internal', disabled: false });
    assert(String(created) <= String(lastLogin));
    assert.deepEqual(nodes, [{ fqdn: 'alice.ntm.internal', lastLogin, joinKey: null, ended: false }]);
    const file = join(directory.path, 'password');
    writeFileSync(file, 'second\n');
    assert.deepEqual(await done(['passwd', 'alice', '--password-file', file]), { name: 'alice', sessions: 'ended' });
    await assert.rejects(login('first'), { refusal: 'login-refused' });
    await login('second');
    assert.deepEqual(await done(['passwd', 'alice', '--keep-sessions'], 'third\n'), {
      name: 'alice',
      sessions: 'kept',
    });
    await done(['disable', 'alice']);
    await assert.rejects(login('third'), { refusal: 'login-refused' });
    await done(['enable', 'alice']);
    await login('third');
    await done(['remove-node', 'alice.ntm.internal']);
    assert.deepEqual(((await done(['list'])).accounts as { nodes: unknown }[])[0]?.nodes, []);
    await done(['remove', 'alice']);
    await assert.rejects(login('third'), { refusal: 'login-refused' });
    assert.deepEqual(await done(['list']), { accounts: [] });
  });

  it('join keys: made, listed without what is secret, removed', async () => {
    await done(['add', 'alice'], 'password\n');
    const made = await done(['key', 'add', 'alice', '--once', '--expires', '30m', '--node-prefix', 'CI-']);
    const { key, ...shown } = made;
    assert.match(String(key), /^ntmk-[0-9a-f]{16}-[\w-]{43}$/);
    assert.deepEqual([shown.once, shown.nodePrefix, shown.used], [true, 'ci-', null]);
    assert.equal(Date.parse(String(shown.expires)) - Date.parse(String(shown.created)), 30 * 60_000);
    assert.deepEqual(await done(['key', 'list']), { keys: [shown] });
    assert.deepEqual(await done(['key', 'list', 'bob']), { keys: [] });
    assert.deepEqual(await done(['key', 'remove', String(shown.id)]), { removed: true, nodes: 0 });
    assert.deepEqual(await done(['key', 'list']), { keys: [] });
    const never = await done(['key', 'add', 'alice', '--expires', 'never']);
    assert.equal(never.expires, null);
  });

  it('called wrongly, or what is not there -> exit code and a message that says what to do', async () => {
    await done(['add', 'alice'], 'password\n');
    await fails(['add', 'alice'], 1, /alice exists already/);
    await fails(['add', 'dc'], 2, /belongs to a server/);
    await fails(
      ['add', 'bob', '--zone', 'nowhere.example'],
      1,
      /no coordinator .* serves nowhere\.example; .*ntm\.internal/,
    );
    for (const verb of ['passwd', 'disable', 'enable', 'remove'])
      await fails([verb, 'bob'], 1, /no account bob; "ntmobile/);
    await fails(['remove-node', 'w.alice.ntm.internal'], 1, /no node w\.alice\.ntm\.internal has logged in/);
    await fails(['key', 'add', 'bob'], 1, /no account bob/);
    await fails(['key', 'add', 'alice', '--expires', '2 weeks'], 2, /30m, 12h or 7d/);
    await fails(['key', 'add', 'alice', '--node', 'a', '--node-prefix', 'b'], 2, /not both/);
    await fails(['key', 'add', 'alice', '--node', 'a.b'], 1, /no node name/);
    await fails(['key', 'remove', '0123456789abcdef'], 1, /no such join key/);
    dir = join(directory.path, 'none');
    for (const args of [['list'], ['disable', 'alice'], ['key', 'list']]) await fails(args, 1, /holds no network/);
  });
});
