/** The nodes that have logged in: by what, from where, when. */
import type Database from 'libsql';
import type { KnownNode, NodeStore, Revoked } from './account-store';
import { bytes } from './sqlite-bytes';
import { revoker } from './sqlite-revocations';

type Db = Database.Database;

interface NodeRow {
  fqdn: string;
  account: string;
  public_key: Uint8Array | ArrayBuffer;
  join_key: string | null;
  source: string;
  login_ms: number;
  ended: number;
}

export function nodeStore(db: Db): NodeStore {
  const find = db.prepare('SELECT * FROM nodes WHERE fqdn = ?');
  const list = db.prepare('SELECT * FROM nodes WHERE NOT removed ORDER BY fqdn');
  const listOf = db.prepare('SELECT * FROM nodes WHERE account = ? AND NOT removed ORDER BY fqdn');
  const from = db.prepare('SELECT 1 FROM nodes WHERE account = ? AND source = ? LIMIT 1');
  const hide = db.prepare('UPDATE nodes SET removed = 1 WHERE fqdn = ? AND NOT removed');
  const write = db.prepare('INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?, 0, 0)');
  const revoke = revoker(db);
  const remove = db.transaction((fqdn: string, revoked: Revoked) => {
    if (hide.run(fqdn).changes === 0) return false;
    revoke(revoked);
    return true;
  });
  return {
    async find(fqdn) {
      const row = find.get(fqdn) as NodeRow | undefined;
      return row && node(row);
    },
    list: async (account) => ((account === undefined ? list.all() : listOf.all(account)) as NodeRow[]).map(node),
    async loggedIn({ fqdn, account, publicKey, joinKey, source, loginMs }) {
      write.run(fqdn, account, Buffer.from(publicKey), joinKey, source, loginMs);
    },
    hasLoggedInFrom: async (account, source) => from.get(account, source) !== undefined,
    remove: async (fqdn, revoked) => remove.immediate(fqdn, revoked),
  };
}

function node(row: NodeRow): KnownNode {
  return {
    fqdn: row.fqdn,
    account: row.account,
    publicKey: bytes(row.public_key),
    joinKey: row.join_key,
    source: row.source,
    loginMs: row.login_ms,
    ended: row.ended !== 0,
  };
}
