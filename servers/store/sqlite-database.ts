/** libsql's database, which tells why a transaction failed. */
import Database from 'libsql';

/**
 * SQLite itself rolls a transaction back when the disk is full (https://sqlite.org/lang_transaction.html, "Response To
 * Errors Within A Transaction"). libsql's `transaction` rolls back once more, which is an error then, and would be the
 * only one that anybody sees.
 */
export class StoreDatabase extends Database {
  override exec(sql: string): this {
    if (sql === 'ROLLBACK' && !this.inTransaction) return this;
    return super.exec(sql);
  }
}
