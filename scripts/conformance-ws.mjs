#!/usr/bin/env node
/**
 * npm run conformance:ws: the suite of the package `ws` by itself, and with loopback made virtual. What passes by itself
 * must pass through the virtual stack, and the stack must have been used. Exit code 2: could not be run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { projectRoot } from './setup/report.mjs';
import { fetchWsTests } from './ws-tests.mjs';

const LIMIT_MS = 120_000;
const mocha = resolve(projectRoot, 'node_modules/mocha/bin/_mocha'); // not mocha.js, which may start a process of its own
const preload = resolve(projectRoot, 'dist/test/conformance/preload.js');
const scratch = mkdtempSync(join(tmpdir(), 'ntmobile-ws-'));
const mark = join(scratch, 'used');

/** The titles of the tests that passed and failed. */
function runSuite(cwd, name, nodeOptions) {
  const report = join(scratch, `${name}.json`);
  const options = ['--no-config', '--timeout', '10000', '--exit', '--reporter', 'json'];
  const args = [
    '--throw-deprecation',
    ...nodeOptions,
    mocha,
    ...options,
    '--reporter-option',
    `output=${report}`,
    'test/*.test.js',
  ];
  const env = { ...process.env, NTMOBILE_CONFORMANCE_MARK: mark };
  const { error } = spawnSync(process.execPath, args, { cwd, env, stdio: 'ignore', timeout: LIMIT_MS });
  if (error) throw error;
  const { passes, failures } = JSON.parse(readFileSync(report, 'utf8'));
  const titles = (tests) => tests.map(({ fullTitle }) => fullTitle);
  return { passed: titles(passes), failed: titles(failures) };
}

try {
  const ws = fetchWsTests({ into: resolve(projectRoot, 'build'), log: (line) => process.stderr.write(`${line}\n`) });
  const plain = runSuite(ws, 'plain', []);
  const shimmed = runSuite(ws, 'shimmed', ['-r', preload]);
  const passed = new Set(shimmed.passed);
  const lost = plain.passed.filter((title) => !passed.has(title));
  for (const title of lost) process.stdout.write(`fails under the shim: ${title}\n`);
  for (const title of plain.failed) process.stdout.write(`fails by itself: ${title}\n`);
  const used = existsSync(mark);
  if (!used) process.stdout.write('no connection went through the virtual stack\n');
  process.stdout.write(`ws: ${plain.passed.length - lost.length} of ${plain.passed.length} pass under the shim\n`);
  process.exitCode = used && lost.length === 0 && plain.passed.length > 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`conformance:ws: ${error.message}\n`);
  process.exitCode = 2;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
