/**
 * The corpus: real inputs, and those that once broke something, one file each in test/fuzz/corpus/<target>/. A file's
 * name says what it is. `write-corpus.ts` made the real ones from golden vectors and from stacks that talk.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/paths';

const corpusDir = join(projectRoot, 'test/fuzz/corpus');

/** In the order of the names. */
export function readCorpus(target: string): Uint8Array[] {
  const dir = join(corpusDir, target);
  if (!existsSync(dir)) return [];
  const names = readdirSync(dir).sort();
  return names.map((name) => new Uint8Array(readFileSync(join(dir, name))));
}

export function saveInput(target: string, name: string, bytes: Uint8Array): void {
  mkdirSync(join(corpusDir, target), { recursive: true });
  writeFileSync(join(corpusDir, target, `${name}.bin`), bytes);
}
