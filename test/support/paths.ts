/** Where the project is, seen from the compiled tests. */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const projectRoot = findRoot(__dirname);

function findRoot(dir: string): string {
  if (existsSync(join(dir, 'package.json'))) return dir;
  const parent = dirname(dir);
  if (parent === dir) throw new Error('no package.json above the tests');
  return findRoot(parent);
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'ntmobile-test-'));
}
