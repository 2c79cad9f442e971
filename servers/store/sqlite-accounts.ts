/** Accounts; what ends with a change of one is written with it. */
import type Database from 'libsql';
import type { Account, AccountStore, Revoked } from './account-store';
import { revoker } from './sqlite-revocations';

type Db = Database.Database;

interface AccountRow {
  name: string;
  password_hash: string;
  created_ms: number;
  disabled: number;
  zone: string | null;
}

export function accountStore(db: Db): AccountStore {
  const find = db.prepare('SELECT * FROM accounts WHERE name = ?');
  const list = db.prepare('SELECT * FROM accounts ORDER BY name');
  const add = db.prepare('INSERT OR IGNORE INTO accounts (name, password_hash, created_ms, zone) VALUES (?, ?, ?, ?)');
  const update = db.prepare('UPDATE accounts SET password_hash = ? WHERE name = ?');
  const put = db.transaction((name: string, hash: string, createdMs: number) => {
    if (add.run(name, hash, createdMs, null).changes === 1) return 'created' as const;
    update.run(hash, name);
    return 'updated' as const;
  });
  return {
    async find(name) {
      const row = find.get(name) as AccountRow | undefined;
      return row && account(row);
    },
    list: async () => (list.all() as AccountRow[]).map(account),
    put: async (name, hash, createdMs) => put.immediate(name, hash, createdMs),
    add: async (name, hash, createdMs, zone = undefined) => add.run(name, hash, createdMs, zone ?? null).changes === 1,
    ...changes(db),
  };
}

function changes(db: Db): Pick<AccountStore, 'change' | 'remove'> {
  const change = db.prepare(
    'UPDATE accounts SET password_hash = coalesce(?, password_hash), disabled = coalesce(?, disabled) WHERE name = ?',
  );
  const remove = db.prepare('DELETE FROM accounts WHERE name = ?');
  const removeNodes = db.prepare('DELETE FROM nodes WHERE account = ?');
  const removeKeys = db.prepare('DELETE FROM join_keys WHERE account = ?');
  const revoke = revoker(db);
  const changeAll = db.transaction((name: string, hash: string | null, disabled: number | null, revoked?: Revoked) => {
    if (change.run(hash, disabled, name).changes === 0) return false;
    if (revoked) revoke(revoked);
    return true;
  });
  const removeAll = db.transaction((name: string, revoked: Revoked) => {
    if (remove.run(name).changes === 0) return false;
    removeNodes.run(name);
    removeKeys.run(name);
    revoke(revoked);
    return true;
  });
  return {
    change: async (name, { passwordHash, disabled }, revoked) =>
      changeAll.immediate(name, passwordHash ?? null, disabled === undefined ? null : Number(disabled), revoked),
    remove: async (name, revoked) => removeAll.immediate(name, revoked),
  };
}

function account(row: AccountRow): Account {
  return {
    name: row.name,
    passwordHash: row.password_hash,
    createdMs: row.created_ms,
    disabled: row.disabled !== 0,
    zone: row.zone,
  };
}
