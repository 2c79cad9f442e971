/** Keys of nodes in SQLite; see store.ts. Written together, for nodes log in by the thousand when servers start. */
import type Libsql from 'libsql';
import { GroupCommit } from './group-commit';
import { bytes } from './sqlite-bytes';
import type { NodeKeyStore } from './store';

interface Write {
  readonly zone: string;
  readonly fqdn: string;
  readonly publicKey: Uint8Array;
}

export function nodeKeyStore(db: Libsql.Database): NodeKeyStore & { close(): void } {
  const find = db.prepare('SELECT public_key FROM node_keys WHERE zone = ? AND fqdn = ?');
  const put = db.prepare('INSERT OR REPLACE INTO node_keys VALUES (?, ?, ?)');
  const putAll = db.transaction((all: readonly Write[]) =>
    all.map(({ zone, fqdn, publicKey }) => void put.run(zone, fqdn, Buffer.from(publicKey))),
  );
  const writes = new GroupCommit<Write, void>((all) => putAll.immediate(all));
  return {
    async find(zone, fqdn) {
      const row = find.get(zone, fqdn) as { public_key: Uint8Array | ArrayBuffer } | undefined;
      return row && bytes(row.public_key);
    },
    put: (zone, fqdn, publicKey) => writes.add({ zone, fqdn, publicKey }),
    close: () => writes.flush(),
  };
}
