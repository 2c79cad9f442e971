/** Ends of sessions, each for the DC of every zone until that has acknowledged it. */
import type Database from 'libsql';
import type { Revocation, RevocationStore, Revoked } from './account-store';

type Db = Database.Database;

/** For changes of other tables, within their transactions. */
export function revoker(db: Db): (revoked: Revoked) => void {
  // A new id: the acknowledgement of the one that was there is not this one's.
  const insert = db.prepare(
    'INSERT OR REPLACE INTO revocations (zone, fqdn, below, reason) SELECT zone, ?, ?, ? FROM coordinators',
  );
  const end = db.prepare('UPDATE nodes SET ended = 1 WHERE fqdn = ?');
  const endBelow = db.prepare("UPDATE nodes SET ended = 1 WHERE substr(fqdn, instr(fqdn, '.') + 1) = ?");
  return ({ fqdn, below, reason }) => {
    insert.run(fqdn, below ? 1 : 0, reason);
    end.run(fqdn);
    if (below) endBelow.run(fqdn);
  };
}

type Row = Omit<Revocation, 'below'> & { below: number };

export function revocationStore(db: Db): RevocationStore {
  const zones = db.prepare('SELECT DISTINCT zone FROM revocations');
  const pending = db.prepare('SELECT * FROM revocations WHERE zone = ? ORDER BY id LIMIT ?');
  const pendingOf = db.prepare(
    "SELECT * FROM revocations WHERE zone = ? AND (fqdn = ? OR (below = 1 AND fqdn = substr(?, instr(?, '.') + 1)))",
  );
  const remove = db.prepare('DELETE FROM revocations WHERE id = ?');
  const revoke = db.transaction(revoker(db));
  const revocation = ({ below, ...row }: Row): Revocation => ({ ...row, below: below !== 0 });
  return {
    zones: async () => (zones.all() as { zone: string }[]).map(({ zone }) => zone),
    pending: async (zone, limit) => (pending.all(zone, limit) as Row[]).map(revocation),
    pendingOf: async (zone, fqdn) => (pendingOf.all(zone, fqdn, fqdn, fqdn) as Row[]).map(revocation),
    acknowledged: async (id) => void remove.run(id),
    add: async (revoked) => revoke.immediate(revoked),
  };
}
