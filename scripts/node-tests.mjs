/**
 * Gets Node's own tests: of Debian's source package `nodejs`, the directory `test`. It is unpacked into the build
 * directory and never committed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { debianSources } from './debian-source.mjs';

/** Releases of Debian by the major of Node that they have; others may have moved on meanwhile, and are looked at. */
const suites = ['trixie', 'forky', 'sid'];
const byHand = 'Unpack a source release of the same major of Node, and name its directory test with --tests DIR.';

/** @returns the directory of tests for this major */
export function fetchNodeTests({ into, major, log }) {
  const tests = join(into, 'node-tests', String(major));
  if (existsSync(tests)) return tests;
  const work = join(into, 'node-tests', 'debian');
  mkdirSync(work, { recursive: true });
  try {
    const source = firstWithMajor(work, major, log);
    log(`getting the tests of Node ${source.version} (Debian ${source.suite}) from ${source.mirror}`);
    source.apt('source', '--download-only', '--tar-only', `nodejs=${source.version}`);
    const archive = readdirSync(work).find((name) => /^nodejs_.*\.orig\.tar\.\w+$/.test(name));
    const unpacking = join(work, 'unpacking');
    rmSync(unpacking, { recursive: true, force: true });
    mkdirSync(unpacking);
    execFileSync('tar', ['-xf', join(work, archive), '-C', unpacking, '--wildcards', '*/test'], { stdio: 'pipe' });
    renameSync(join(unpacking, readdirSync(unpacking)[0], 'test'), tests);
  } catch (error) {
    throw new Error(`cannot get the tests of Node ${major}: ${error.message}. ${byHand}`, { cause: error });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return tests;
}

function firstWithMajor(work, major, log) {
  const seen = [];
  for (const suite of suites) {
    const { mirror, apt } = debianSources({ work, suite, tools: ['tar'] });
    try {
      apt('update');
    } catch (error) {
      log(`Debian ${suite}: ${error.message}`); // a suite that has not begun, or a mirror without it
      continue;
    }
    const [, version] = /nodejs_([^/\s]+)\.dsc /.exec(apt('source', '--print-uris', 'nodejs')) ?? [];
    // A package's epoch is not in its file names; nodejs has none.
    if (version?.startsWith(`${major}.`)) return { suite, mirror, apt, version };
    if (version) seen.push(`${version} in ${suite}`);
  }
  throw new Error(`Debian offers ${seen.join(', ') || 'no package nodejs'}`);
}
