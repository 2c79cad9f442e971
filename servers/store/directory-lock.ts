/**
 * One network a directory: a second `ntmobile up` on it would take the first one's place in the store. The lock is
 * SQLite's own on an empty file, so it ends with the process, however that ends.
 */
import { join } from 'node:path';
import Database from 'libsql';
import { NtmError } from '../../core/errors';

const LOCK_FILE = 'up.lock';

/** The directory must be there. Throws NtmError NTM_CONFIG when it is locked, or cannot be. */
export function lockDirectory(directory: string): { release(): void } {
  let db: Database.Database | undefined;
  try {
    db = new Database(join(directory, LOCK_FILE));
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    const { code, message } = error as Error & { code?: string };
    if (code !== 'SQLITE_BUSY') throw new NtmError('NTM_CONFIG', `${directory} cannot be used: ${message}`);
    throw new NtmError('NTM_CONFIG', `servers run on ${directory} already; stop them or use another directory`);
  }
  return {
    release() {
      db.exec('ROLLBACK');
      db.close();
    },
  };
}
