/** What the commands of `ntmobile account` share: the store of a network, whether its servers run or not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { nodeClock, nodeRandom } from '../../core/runtime-node';
import { Administration, AdministrationError } from '../../servers/account/administration';
import { openSqliteStore, STORE_FILE } from '../../servers/store/sqlite-store';
import { Failure } from '../output';

export interface CommonOptions {
  readonly dir: string;
  readonly json?: boolean;
}

export function common(command: Command): Command {
  return command
    .requiredOption('--dir <dir>', 'directory of the network, as given to "ntmobile up", or of the account server')
    .option('--json', 'print one line of JSON');
}

/** `mayBeNew`: the directory need not hold a network yet. */
export async function administrate<T>(
  dir: string,
  work: (administration: Administration) => Promise<T>,
  mayBeNew = false,
): Promise<T> {
  if (!mayBeNew && !existsSync(join(dir, STORE_FILE))) {
    throw new Failure(`${dir} holds no network; "ntmobile up" makes one`);
  }
  const store = openSqliteStore(dir);
  try {
    return await work(new Administration(store, wholeMilliseconds, nodeRandom));
  } catch (error) {
    throw error instanceof AdministrationError ? new Failure(error.message) : error;
  } finally {
    store.close();
  }
}

const wholeMilliseconds = { ...nodeClock, wallTimeMs: () => Math.floor(nodeClock.wallTimeMs()) };

export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
