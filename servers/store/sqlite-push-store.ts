/** The nodes that an NS can push to, in SQLite. */
import type Database from 'libsql';
import { bytes } from './sqlite-bytes';
import type { PushRecord, PushStore } from './store';

interface PushRow {
  fqdn: string;
  key: Uint8Array | ArrayBuffer;
  kind: PushRecord['push']['kind'];
  token: string;
  dead: number;
  updated_ms: number;
}

export function pushStore(db: Database.Database): PushStore {
  const list = db.prepare('SELECT * FROM pushes');
  const put = db.prepare('INSERT OR REPLACE INTO pushes VALUES (?, ?, ?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM pushes WHERE fqdn = ?');
  return {
    list: async () =>
      (list.all() as PushRow[]).map((row) => ({
        fqdn: row.fqdn,
        key: bytes(row.key),
        push: { kind: row.kind, token: row.token },
        isDead: row.dead !== 0,
        updatedMs: row.updated_ms,
      })),
    async put({ fqdn, key, push: { kind, token }, isDead, updatedMs }) {
      put.run(fqdn, Buffer.from(key), kind, token, isDead ? 1 : 0, updatedMs);
    },
    remove: async (fqdn) => void remove.run(fqdn),
  };
}
