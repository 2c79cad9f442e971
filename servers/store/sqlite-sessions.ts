/** Sessions in SQLite. The file is readable by its owner alone (sqlite-store.ts). */
import type Libsql from 'libsql';
import type { SessionChange, SessionStore, StoredLocation, StoredSession } from './session-store';
import { bytes } from './sqlite-bytes';

interface SessionRow {
  fqdn: string;
  public_key: Uint8Array | ArrayBuffer;
  key: Uint8Array | ArrayBuffer;
  notification_key: Uint8Array | ArrayBuffer;
  used_ms: number;
  location: string | null;
}

export function sessionStore(db: Libsql.Database): SessionStore {
  const put = db.prepare('INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)');
  const locate = db.prepare('UPDATE sessions SET used_ms = ?, location = ? WHERE zone = ? AND fqdn = ? AND key = ?');
  const end = db.prepare('DELETE FROM sessions WHERE zone = ? AND fqdn = ? AND key = ?');
  const forget = db.prepare('DELETE FROM sessions WHERE zone = ? AND used_ms < ?');
  const list = db.prepare('SELECT * FROM sessions WHERE zone = ? ORDER BY used_ms');
  const apply = (zone: string, change: SessionChange): void => {
    switch (change.kind) {
      case 'keyed': {
        const { fqdn, publicKey, key, notificationKey, usedMs, location } = change.session;
        const keys = [publicKey, key, notificationKey].map((each) => Buffer.from(each));
        return void put.run(zone, fqdn, ...keys, Math.floor(usedMs), locationText(location));
      }
      case 'located': {
        const { fqdn, key, usedMs, location } = change;
        return void locate.run(Math.floor(usedMs), locationText(location), zone, fqdn, Buffer.from(key));
      }
      case 'ended':
        return void end.run(zone, change.fqdn, Buffer.from(change.key));
    }
  };
  const write = db.transaction((zone: string, changes: readonly SessionChange[]) => {
    for (const change of changes) apply(zone, change);
  });
  return {
    write: async (zone, changes) => write.immediate(zone, changes),
    async restore(zone, sinceMs) {
      forget.run(zone, Math.floor(sinceMs));
      return (list.all(zone) as SessionRow[]).map(session);
    },
  };
}

function session(row: SessionRow): StoredSession {
  return {
    fqdn: row.fqdn,
    publicKey: bytes(row.public_key),
    key: bytes(row.key),
    notificationKey: bytes(row.notification_key),
    usedMs: row.used_ms,
    location: row.location === null ? null : parseLocation(row.location),
  };
}

/** A transaction id is larger than what a number holds exactly. */
function locationText(location: StoredLocation | null): string | null {
  return location && JSON.stringify({ ...location, transaction: String(location.transaction) });
}

function parseLocation(text: string): StoredLocation {
  const location = JSON.parse(text) as Omit<StoredLocation, 'transaction'> & { transaction: string };
  return { ...location, transaction: BigInt(location.transaction) };
}
