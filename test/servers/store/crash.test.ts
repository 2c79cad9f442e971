/** A process that writes to the store is killed at any moment: what it was told is kept, is kept. Schemas of before open. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeRandom } from '../../../core/runtime-node';
import { migrate, migrations } from '../../../servers/store/migrations';
import { openSqliteStore, STORE_FILE } from '../../../servers/store/sqlite-store';
import type { Store } from '../../../servers/store/store';
import { temporaryDirectory } from '../../support/command';
import { Program } from '../../support/processes';
import { SeededRandom } from '../../support/virtual-time';

const ROUNDS = 4;

/** Writes one thing after the other, and says each when it was told that it is kept. */
const WRITER = `
  const { openSqliteStore } = require(process.argv[1]);
  const store = openSqliteStore(process.argv[2]);
  const round = process.argv[3];
  (async () => {
    for (let i = 0; ; i++) {
      const name = round + '-' + i;
      await store.accounts.add('a' + name, 'hash of ' + name, i);
      process.stdout.write('account a' + name + '\\n');
      const number = await store.assignments.assign('z', name + '.z', 1e6);
      process.stdout.write('address ' + name + '.z ' + number + '\\n');
      await store.accounts.put('shared', 'hash ' + name, i);
      await store.settings.put('last', Buffer.from(name));
      process.stdout.write('setting ' + name + '\\n');
    }
  })();`;

describe('the store of a process that is killed', function () {
  this.timeout(30_000);
  let directory: ReturnType<typeof temporaryDirectory>;
  beforeEach(() => (directory = temporaryDirectory()));
  afterEach(() => directory.remove());

  it('writing, at a random moment, again and again -> opens, and holds all that was acknowledged', async () => {
    const seed = Number(process.env['NTMOBILE_SEED'] ?? nodeRandom.bytes(3).reduce((all, byte) => all * 256 + byte));
    process.stdout.write(`      NTMOBILE_SEED=${seed}\n`);
    const random = new SeededRandom(seed);
    const path = join(directory.path, 'net');
    const kept: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const lines = 1 + random.bytes(1)[0]!;
      const store = require.resolve('../../../servers/store/sqlite-store');
      const writer = Program.node(['-e', WRITER, store, path, `${round}`]);
      await writer.line(() => writer.lines.length >= lines);
      await writer.kill();
      kept.push(...writer.lines);
      const opened = openSqliteStore(path);
      try {
        await holdsAll(opened, kept);
      } finally {
        opened.close();
      }
    }
    assert.ok(kept.length >= ROUNDS);
  });

  for (const [step] of migrations.entries()) {
    it(`a schema of step ${step + 1}, with rows -> opened as the newest, rows kept`, async () => {
      const path = join(directory.path, 'net');
      mkdirSync(path);
      const db = new Database(join(path, STORE_FILE));
      migrate(db, migrations.slice(0, step + 1));
      // The columns of the first step, which every later one kept.
      db.exec(`INSERT INTO accounts (name, password_hash, created_ms, disabled) VALUES ('alice', 'h', 5, 1);
        INSERT INTO coordinators (zone, fqdn, public_key, ipv4_block, ipv6_prefix, address, port)
          VALUES ('z', 'dc.z', X'0102', '198.18.0.0/19', 'fd00:0:0:1::/64', '192.0.2.1', 7);
        INSERT INTO assignments (zone, fqdn, number) VALUES ('z', 'alice.z', 3);
        INSERT INTO settings (name, value) VALUES ('ula global id', X'0A0B');`);
      db.close();
      const store = openSqliteStore(path);
      try {
        const alice = await store.accounts.find('alice');
        assert.deepEqual([alice?.passwordHash, alice?.createdMs, alice?.disabled], ['h', 5, true]);
        const { endpoint, publicKey } = (await store.coordinators.find('z'))!;
        assert.deepEqual([endpoint, [...publicKey]], [{ address: '192.0.2.1', port: 7 }, [1, 2]]);
        assert.equal(await store.assignments.find('z', 'alice.z'), 3);
        assert.deepEqual([...(await store.settings.get('ula global id'))!], [10, 11]);
        assert.equal(await store.accounts.add('bob', 'h2', 6), true);
      } finally {
        store.close();
      }
    });
  }

  it('a schema of a newer program -> refused, with what to do, and left as it is', () => {
    const path = join(directory.path, 'net');
    openSqliteStore(path).close();
    const db = new Database(join(path, STORE_FILE));
    db.exec(`INSERT INTO migrations VALUES (${migrations.length + 1})`);
    db.close();
    const refusal = new RegExp(
      `ntmobile\\.db cannot be used: the database is of version ${migrations.length + 1}, which a newer ntmobile made; ` +
        `this one knows ${migrations.length}`,
    );
    for (let i = 0; i < 2; i++) assert.throws(() => openSqliteStore(path), refusal);
  });
});

async function holdsAll(store: Store, kept: readonly string[]): Promise<void> {
  const accounts = new Map((await store.accounts.list()).map((account) => [account.name, account]));
  const numbers = new Set<string>();
  let last = '';
  for (const line of kept) {
    const [what, name, number] = line.split(' ') as [string, string, string?];
    if (what === 'account') assert.equal(accounts.get(name)?.passwordHash, `hash of ${name.slice(1)}`, line);
    if (what === 'address') {
      assert.equal(await store.assignments.find('z', name), Number(number), line);
      assert.equal(numbers.has(number!), false, `${line} was given twice`);
      numbers.add(number!);
    }
    if (what === 'setting') last = name;
  }
  const setting = await store.settings.get('last');
  const [round, count] = (setting ? Buffer.from(setting).toString() : '').split('-').map(Number);
  const [lastRound, lastCount] = last.split('-').map(Number);
  // What was written last may not have been told any more.
  if (last !== '') assert.ok(round! > lastRound! || (round === lastRound && count! >= lastCount!), `${last} is kept`);
}
