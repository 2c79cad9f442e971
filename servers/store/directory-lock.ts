/**
 * One network a directory: a second `ntmobile up` on it would take the first one's place in the store. The lock is
 * SQLite's own on an empty file, so it ends with the process, however that ends.
 */
import { join } from 'node:path';
import Database from 'libsql';
import { NtmError } from '../../core/errors';

const LOCK_FILE = 'up.lock';

/** The directory must be there. Throws NtmError NTM_CONFIG when it is locked. */
export function lockDirectory(directory: string): { release(): void } {
  const db = new Database(join(directory, LOCK_FILE));
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch {
    db.close();
    throw new NtmError('NTM_CONFIG', `a network runs on ${directory} already; stop it or use another --dir`);
  }
  return {
    release() {
      db.exec('ROLLBACK');
      db.close();
    },
  };
}
