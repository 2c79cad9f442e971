import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { run, temporaryDirectory, up } from '../support/command';
import { freePort } from '../support/free-ports';
import { SeededRandom } from '../support/virtual-time';
import { loginOverUdp } from '../support/udp-client';

describe('ntmobile up', function () {
  this.timeout(20_000);
  let directory: ReturnType<typeof temporaryDirectory>;
  let running: Awaited<ReturnType<typeof up>> | undefined;

  beforeEach(() => (directory = temporaryDirectory()));
  afterEach(async () => {
    await running?.stop('SIGKILL');
    running = undefined;
    directory.remove();
  });

  const start = async (...args: string[]) => (running = await up(['--dir', join(directory.path, 'net'), ...args]));

  it('new directory: started with accounts -> one line, logins work, SIGTERM ends it with 0', async () => {
    const { ready, stop } = await start('--account', 'alice:s3cret', '--account', 'bob:pass:word');
    assert.equal(ready.zone, 'ntm.internal');
    assert.deepEqual(ready.accounts, [
      { name: 'alice', fqdn: 'alice.ntm.internal' },
      { name: 'bob', fqdn: 'bob.ntm.internal' },
    ]);
    const { fqdn, login, registration } = await loginOverUdp(ready.as, 'alice', 's3cret');
    assert.equal(fqdn, 'alice.ntm.internal');
    assert.equal(login.coordinator, 'dc.ntm.internal');
    assert.match(registration.addresses.ipv4, /^198\.18\./);
    assert.match(registration.addresses.ipv6, /^fd/);
    assert.deepEqual(registration.notification?.endpoints, [ready.servers.ns]);
    await loginOverUdp(ready.as, 'bob', 'pass:word');
    const { code, stdout, stderr } = await stop();
    assert.deepEqual([code, stderr, stdout.split('\n').length], [0, '', 2]);
  });

  it('stopped: started again -> same join URL, accounts and addresses; files are private', async () => {
    const first = await start('--account', 'alice:s3cret', '--zone', 'example.test');
    const before = await loginOverUdp(first.ready.as, 'alice', 's3cret');
    assert.equal((await first.stop('SIGINT')).code, 0);
    const { ready } = await start();
    assert.deepEqual([ready.as, ready.accounts], [first.ready.as, first.ready.accounts]);
    const after = await loginOverUdp(ready.as, 'alice', 's3cret');
    assert.deepEqual(after.registration.addresses, before.registration.addresses);
    assert.equal(statSync(join(directory.path, 'net')).mode & 0o777, 0o700);
    for (const file of ['ntmobile.db', 'ntmobile.db-wal']) {
      assert.equal(statSync(join(directory.path, 'net', file)).mode & 0o777, 0o600);
    }
  });

  it('running: account added by another process -> it can log in at once; its password shows nowhere', async () => {
    const { ready, stop } = await start();
    assert.deepEqual(ready.accounts, []);
    const dir = join(directory.path, 'net');
    const added = await run(['account', 'add', 'carol', '--dir', dir, '--json'], 'hunter22\n');
    assert.deepEqual([added.code, added.stderr], [0, '']);
    assert.deepEqual(JSON.parse(added.stdout), { name: 'carol', fqdn: 'carol.ntm.internal' });
    assert.equal((await loginOverUdp(ready.as, 'carol', 'hunter22')).fqdn, 'carol.ntm.internal');
    const list = await run(['account', 'list', '--dir', dir, '--json']);
    assert.equal(JSON.parse(list.stdout).accounts[0].fqdn, 'carol.ntm.internal');
    const end = await stop();
    assert(![added, list, end].some(({ stdout, stderr }) => (stdout + stderr).includes('hunter22')));
  });

  it('running: wrong password, unknown account -> refused alike', async () => {
    const { ready } = await start('--account', 'alice:s3cret');
    await assert.rejects(loginOverUdp(ready.as, 'alice', 'wrong'), { refusal: 'login-refused' });
    await assert.rejects(loginOverUdp(ready.as, 'nobody', 's3cret'), { refusal: 'login-refused' });
  });

  it('running: garbage at every port -> serves on, and says at its end what it dropped', async () => {
    const args = ['--dir', directory.path, '--account', 'alice:s3cret'];
    const { ready, stop } = (running = await up(args, { NTMOBILE_LOG: 'info' }));
    const { as, dc, dns, ns, rs, cs } = ready.servers;
    const random = new SeededRandom(7);
    const socket = createSocket('udp4');
    for (const { port } of [as, dc, dns, ns, rs, cs]) {
      for (let length = 0; length < 200; length += 7) {
        const garbage = random.bytes(length);
        if (length % 2) garbage[0] = 0x4e;
        socket.send(garbage, port, '127.0.0.1');
      }
    }
    for (const { port } of [ns, dns]) {
      const stream = connect(port, '127.0.0.1').on('error', () => {});
      stream.end(random.bytes(5000));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.close();
    await loginOverUdp(ready.as, 'alice', 's3cret');
    const lines = (await stop()).stderr.trim().split('\n');
    const [serving, joined, stopping, ...sums] = lines.map((line) => JSON.parse(line));
    assert.deepEqual([serving.msg, joined.msg, stopping.msg], ['serving', 'node joined', 'stopping']);
    assert.equal(joined.node, 'alice.ntm.internal');
    assert.deepEqual(new Set(sums.map(({ msg }) => msg)), new Set(['dropped']), 'one line a reason, not one a packet');
    const reasons = sums.map(({ server, where, reason }) => `${server} ${where} ${reason}`);
    assert.equal(new Set(reasons).size, sums.length);
    for (const server of ['as', 'dc', 'ns', 'rs', 'cs']) assert(stopping.drops[server]['not signalling'] > 10, server);
    assert(stopping.drops.dns.unreadable > 1);
    assert.deepEqual(stopping.drops['ns connections'], { 'broke the framing': 1 });
  });

  it('trace asked for: a login -> NDJSON with times and the steps of Figure 4', async () => {
    const trace = join(directory.path, 'trace.ndjson');
    running = await up(['--dir', directory.path, '--account', 'alice:s3cret'], { NTMOBILE_TRACE: trace });
    await loginOverUdp(running.ready.as, 'alice', 's3cret');
    await running.stop();
    const text = readFileSync(trace, 'utf8');
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert(events.every(({ t }) => typeof t === 'number' && Math.abs(t - Date.now()) < 60_000));
    // On a busy host something may be sent again.
    const sent = events.filter(({ figure, event, retry }) => figure === 4 && event === 'send' && retry === undefined);
    assert.deepEqual(
      sent.map(({ step }) => step),
      [3, 6, 7, 8, 10, 11, 12],
    );
    assert(!text.includes('s3cret'));
  });

  for (const [what, args, code, message] of [
    ['no directory', ['up'], 2, /--dir/],
    ['a port that is none', ['up', '--dir', 'X', '--as-port', '70000'], 2, /1 to 65535/],
    ['an account without password', ['up', '--dir', 'X', '--account', 'alice'], 2, /NAME:PASSWORD/],
    ['an account named like a server', ['up', '--dir', 'X', '--account', 'dc:pw'], 2, /belongs to a server/],
    ['an unknown command', ['upp'], 2, /unknown command/],
    ['a wildcard address', ['up', '--dir', 'X', '--address', '0.0.0.0'], 2, /one IP address/],
    ['an address of another host', ['up', '--dir', 'X', '--address', '192.0.2.1'], 1, /not an address of this host/],
    ['accounts of no network', ['account', 'list', '--dir', 'X'], 1, /holds no network/],
    ['an empty password', ['account', 'add', 'a', '--dir', 'X'], 2, /empty/],
  ] as const) {
    it(`called with ${what}: -> exit code ${code} and one clear line`, async () => {
      const finished = await run(args.map((arg) => (arg === 'X' ? join(directory.path, 'x') : arg)));
      assert.equal(finished.code, code, finished.stderr);
      assert.match(finished.stderr, message);
      assert.equal(finished.stdout, '');
    });
  }

  it('another zone than at the first start: -> refused with what to do', async () => {
    await (await start('--zone', 'one.test')).stop();
    const finished = await run(['up', '--dir', join(directory.path, 'net'), '--zone', 'two.test']);
    assert.equal(finished.code, 1);
    assert.match(finished.stderr, /holds the zone one\.test; use another --dir/);
  });

  it('running: started again on the same directory -> refused, and the first serves on', async () => {
    const { ready } = await start('--account', 'alice:s3cret');
    const finished = await run(['up', '--dir', join(directory.path, 'net')]);
    assert.equal(finished.code, 1);
    assert.match(finished.stderr, /servers run on .* already/);
    await loginOverUdp(ready.as, 'alice', 's3cret');
  });

  it('killed: started again -> serves on the same join URL', async () => {
    const first = await start('--account', 'alice:s3cret', '--as-port', `${await freePort()}`);
    await first.stop('SIGKILL');
    const { ready } = await start();
    assert.equal(ready.as, first.ready.as);
    await loginOverUdp(ready.as, 'alice', 's3cret');
  });

  it('a store that is none: started -> exit code 1 and one clear line', async () => {
    writeFileSync(join(directory.path, 'ntmobile.db'), 'not a database, but long enough to be looked at'.repeat(100));
    const finished = await run(['up', '--dir', directory.path]);
    assert.equal(finished.code, 1);
    assert.match(finished.stderr, /^ntmobile: .*ntmobile\.db cannot be used: .*\n$/);
  });

  it('port in use: started on it -> exit code 1, says which', async () => {
    const { ready } = await start();
    const port = String(ready.servers.dc.port);
    const finished = await run(['up', '--dir', join(directory.path, 'other'), '--dc-port', port]);
    assert.equal(finished.code, 1);
    assert.match(finished.stderr, new RegExp(`127.0.0.1:${port} is in use`));
  });
});
