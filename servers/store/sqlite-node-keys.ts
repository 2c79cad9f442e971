/** Keys of nodes in SQLite; see store.ts. */
import type Libsql from 'libsql';
import type { NodeKeyStore } from './store';

export function nodeKeyStore(db: Libsql.Database): NodeKeyStore {
  const find = db.prepare('SELECT public_key FROM node_keys WHERE zone = ? AND fqdn = ?');
  const put = db.prepare('INSERT OR REPLACE INTO node_keys VALUES (?, ?, ?)');
  return {
    async find(zone, fqdn) {
      const row = find.get(zone, fqdn) as { public_key: Uint8Array } | undefined;
      return row && new Uint8Array(row.public_key);
    },
    put: async (zone, fqdn, publicKey) => void put.run(zone, fqdn, Buffer.from(publicKey)),
  };
}
