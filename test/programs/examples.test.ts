/** An example that nothing runs is a claim that nothing checks. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { projectRoot } from '../support/paths';

const examples = join(projectRoot, 'examples');
const filesOf = (dir: string, wanted: RegExp): string[] =>
  readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
const read = (file: string): string => readFileSync(file, 'utf8');

/** Of `programs` (paths in examples/), those that a test names in quotes, and what these import or name. */
function reached(programs: readonly string[], tests: string, sourceOf: (program: string) => string): Set<string> {
  const found = new Set(programs.filter((program) => tests.includes(`'${program}'`)));
  for (const program of found) {
    for (const other of programs) {
      const beside = dirname(other) === dirname(program) && sourceOf(program).includes(`'./${basename(other)}'`);
      if (beside || sourceOf(program).includes(`'${other}'`)) found.add(other);
    }
  }
  return found;
}

describe('examples', () => {
  const programs = filesOf(examples, /\.[cm]?js$/).map((file) => relative(examples, file));
  const sourceOf = (program: string): string => read(join(examples, program));

  it('all of them: the tests are read -> each is run by one, or is a part of one that is', () => {
    const tests = filesOf(join(projectRoot, 'test'), /\.test\.ts$/)
      .map(read)
      .join('\n');
    const found = reached(programs, tests, sourceOf);
    assert.deepEqual(
      programs.filter((program) => !found.has(program)),
      [],
    );
  });

  it('one that no test names: the tests are read -> it is told from the others', () => {
    const sources: Record<string, string> = {
      'a/run.cjs': "require('./part.cjs')",
      'a/part.cjs': '',
      'b/part.cjs': '',
    };
    const found = reached(Object.keys(sources), "dial('a/run.cjs')", (program) => sources[program]!);
    assert.deepEqual([...found], ['a/run.cjs', 'a/part.cjs']);
  });

  it('all of them: their README is read -> it names each', () => {
    const named = read(join(examples, 'README.md'));
    assert.deepEqual(
      programs.filter((program) => !named.includes(`\`${program}\``)),
      [],
    );
  });
});
