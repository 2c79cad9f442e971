/** Join keys, and which node each that is good once belongs to. */
import type Database from 'libsql';
import type { JoinKey, JoinKeyStore } from './account-store';
import { bytes } from './sqlite-bytes';
import { revoker } from './sqlite-revocations';

type Db = Database.Database;
type Blob = Uint8Array | ArrayBuffer;

interface KeyRow {
  id: string;
  account: string;
  secret_hash: Blob;
  created_ms: number;
  expires_ms: number | null;
  once: number;
  node: string | null;
  node_prefix: string | null;
  bound_to: Blob | null;
  used_ms: number | null;
}

export function joinKeyStore(db: Db): JoinKeyStore {
  const insert = db.prepare('INSERT INTO join_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)');
  const find = db.prepare('SELECT * FROM join_keys WHERE id = ?');
  const list = db.prepare('SELECT * FROM join_keys ORDER BY account, created_ms, id');
  const listOf = db.prepare('SELECT * FROM join_keys WHERE account = ? ORDER BY created_ms, id');
  return {
    async add({ id, account, secretHash, createdMs, expiresMs, once, node, nodePrefix }) {
      insert.run(id, account, Buffer.from(secretHash), createdMs, expiresMs, Number(once), node, nodePrefix);
    },
    async find(id) {
      const row = find.get(id) as KeyRow | undefined;
      return row && joinKey(row);
    },
    list: async (account) => ((account === undefined ? list.all() : listOf.all(account)) as KeyRow[]).map(joinKey),
    ...uses(db),
  };
}

function uses(db: Db): Pick<JoinKeyStore, 'use' | 'remove'> {
  const bind = db.prepare(
    `UPDATE join_keys SET used_ms = ?, bound_to = CASE WHEN once THEN coalesce(bound_to, ?) END
     WHERE id = ? AND (NOT once OR bound_to IS NULL OR bound_to = ?)`,
  );
  const exists = db.prepare('SELECT 1 FROM join_keys WHERE id = ?');
  const removeKey = db.prepare('DELETE FROM join_keys WHERE id = ?');
  const nodesOf = db.prepare('SELECT fqdn FROM nodes WHERE join_key = ? AND NOT ended');
  const revoke = revoker(db);
  const use = db.transaction((id: string, publicKey: Uint8Array, usedMs: number) => {
    const key = Buffer.from(publicKey);
    if (bind.run(usedMs, key, id, key).changes === 1) return 'used' as const;
    return exists.get(id) === undefined ? ('gone' as const) : ('taken' as const);
  });
  const remove = db.transaction((id: string) => {
    if (removeKey.run(id).changes === 0) return undefined;
    const nodes = nodesOf.all(id) as { fqdn: string }[];
    for (const { fqdn } of nodes) revoke({ fqdn, below: false, reason: 'join-key' });
    return nodes.length;
  });
  return {
    use: async (id, publicKey, usedMs) => use.immediate(id, publicKey, usedMs),
    remove: async (id) => remove.immediate(id),
  };
}

function joinKey(row: KeyRow): JoinKey {
  return {
    id: row.id,
    account: row.account,
    secretHash: bytes(row.secret_hash),
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    once: row.once !== 0,
    node: row.node,
    nodePrefix: row.node_prefix,
    boundTo: row.bound_to && bytes(row.bound_to),
    usedMs: row.used_ms,
  };
}
