import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { migrate } from '../../../servers/store/migrations';
import { openSqliteStore, STORE_FILE } from '../../../servers/store/sqlite-store';
import { temporaryDirectory } from '../../support/command';

describe('SQLite store', function () {
  this.timeout(20_000);
  let directory: ReturnType<typeof temporaryDirectory>;
  const open: ReturnType<typeof openSqliteStore>[] = [];
  const openStore = () => {
    const store = openSqliteStore(join(directory.path, 'net'));
    open.push(store);
    return store;
  };
  beforeEach(() => (directory = temporaryDirectory()));
  afterEach(() => {
    for (const store of open.splice(0)) store.close();
    directory.remove();
  });

  it('no directory: opened -> private directory and file', () => {
    openStore();
    assert.equal(statSync(join(directory.path, 'net')).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory.path, 'net', STORE_FILE)).mode & 0o777, 0o600);
  });

  it('open twice: written by one -> read by the other at once', async () => {
    const [one, other] = [openStore(), openStore()];
    assert.equal(await one.accounts.put('alice', 'h1', 5), 'created');
    assert.equal(await other.accounts.put('alice', 'h2', 6), 'updated');
    assert.deepEqual(await one.accounts.find('alice'), {
      name: 'alice',
      passwordHash: 'h2',
      createdMs: 5,
      disabled: false,
      zone: null,
    });
    assert.equal(await other.accounts.add('alice', 'h3', 7), false);
    assert.equal((await one.accounts.find('alice'))?.passwordHash, 'h2');
  });

  it('open twice: both assign addresses -> no duplicates, each name keeps its own', async () => {
    const [one, other] = [openStore(), openStore()];
    const names = Array.from({ length: 50 }, (_, i) => `n${i}.z`);
    for (const [i, name] of names.entries()) await (i % 2 ? one : other).assignments.assign('z', name, 1000);
    const numbers = await Promise.all(names.map((name) => one.assignments.assign('z', name, 1000)));
    assert.equal(new Set(numbers).size, 50);
    assert.equal(await other.assignments.nameOf('z', numbers[7]!), 'n7.z');
    assert.equal(await other.assignments.find('other zone', 'n7.z'), undefined);
    assert.equal(await one.assignments.assign('z', 'more.z', 50), undefined);
    assert.equal(await one.assignments.hasBelow('z', 'z'), true);
    assert.equal(await one.assignments.hasBelow('z', '7.z'), false);
  });

  it('settings: made by one of two -> the same for both, also after closing', async () => {
    const [one, other] = [openStore(), openStore()];
    const first = await one.settings.getOrPut('key', () => Uint8Array.of(1, 2, 3));
    assert.deepEqual(await other.settings.getOrPut('key', () => Uint8Array.of(9)), first);
    one.close();
    assert.deepEqual(await openStore().settings.get('key'), first);
  });

  it('coordinators: put and found -> the same', async () => {
    const store = openStore();
    const coordinator = {
      zone: 'z',
      fqdn: 'dc.z',
      publicKey: new Uint8Array(32).fill(7),
      ipv4Block: '198.18.0.0/19',
      ipv6Prefix: 'fd00:0:0:1::/64',
      endpoint: { address: '127.0.0.1', port: 5 },
    };
    await store.coordinators.put(coordinator);
    assert.deepEqual(await store.coordinators.find('z'), coordinator);
    assert.deepEqual(await store.coordinators.list(), [coordinator]);
  });

  it('older version: migrated -> new steps only; newer version: opened -> refused', () => {
    const db = new Database(join(directory.path, 'm.db'));
    migrate(db, ['CREATE TABLE a (x)']);
    migrate(db, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)']);
    db.prepare('INSERT INTO b VALUES (1)').run();
    assert.throws(() => migrate(db, ['CREATE TABLE a (x)']), /a newer ntmobile made; this one knows 1/);
    assert.throws(() => migrate(db, ['', '', 'CREATE TABLE c (x); CREATE TABLE a (x)']), /already exists/);
    assert.equal(db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'c'").get(), undefined);
    db.close();
  });

  it('adding accounts: killed -> everything acknowledged is there', async () => {
    const path = join(directory.path, 'net');
    const script = `
      const { openSqliteStore } = require(process.argv[1]);
      const store = openSqliteStore(process.argv[2]);
      (async () => { for (let i = 0; ; i++) { await store.accounts.add('a' + i, 'h', i); process.stdout.write(i + '\\n'); } })();`;
    const child = spawn(process.execPath, ['-e', script, require.resolve('../../../servers/store/sqlite-store'), path]);
    let acknowledged = '';
    child.stdout.on('data', (chunk: Buffer) => {
      acknowledged += chunk.toString();
      if (acknowledged.split('\n').length > 30) child.kill('SIGKILL');
    });
    await new Promise((closed) => child.on('close', closed));
    const last = Number(acknowledged.trim().split('\n').at(-1));
    assert(last >= 29);
    const names = new Set((await openStore().accounts.list()).map(({ name }) => name));
    for (let i = 0; i <= last; i++) assert(names.has(`a${i}`), `a${i} is lost`);
  });
});
