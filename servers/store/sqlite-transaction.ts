/**
 * A write transaction that tells why it failed. On a full disk SQLite rolls back by itself
 * (https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction), and libsql's own wrapper then
 * reports that there was nothing to roll back in place of the reason.
 */
import type Libsql from 'libsql';

export function inTransaction<T>(db: Libsql.Database, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
