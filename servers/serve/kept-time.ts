/** The time that a server's transactions have come to, in DIR/transactions. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeptTime } from '../transaction-clock';

const FILE = 'transactions';

export function keptTimeIn(dir: string): KeptTime {
  const path = join(dir, FILE);
  return {
    read() {
      try {
        const ms = Number(readFileSync(path, 'latin1'));
        return Number.isSafeInteger(ms) && ms > 0 ? ms : undefined;
      } catch {
        return undefined; // the first start
      }
    },
    /** The new one whole, or the old one. */
    write(ms) {
      const fresh = `${path}.new`;
      try {
        writeFileSync(fresh, `${ms}\n`, { mode: 0o600, flush: true });
        renameSync(fresh, path);
      } catch (error) {
        rmSync(fresh, { force: true });
        throw error;
      }
    },
  };
}
