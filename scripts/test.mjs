#!/usr/bin/env node
/**
 * All checks, then one summary: lint, format, types, tests, coverage, and the tests of Node and ws through the shim. Runs them all, whatever fails.
 * The last line alone is `N passed, N failed` with `, N skipped` when tests were skipped.
 * Arguments go to mocha: `node scripts/test.mjs --grep wildcard`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { projectRoot } from './setup/report.mjs';

const countsFile = resolve(projectRoot, 'build/test-counts.json');
const coverageDir = resolve(projectRoot, 'coverage/tmp');
const mochaArguments = process.argv.slice(2);

const tool = (path) => resolve(projectRoot, 'node_modules', path);
const checks = [
  { name: 'lint', run: () => node(tool('eslint/bin/eslint.js'), '--max-warnings=0', '.') },
  { name: 'format', run: () => node(tool('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.') },
  { name: 'types', run: () => node(tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit') },
  { name: 'tests', run: runMocha },
];
// The threshold is on the whole; a part of the tests says nothing about it.
if (mochaArguments.length === 0) {
  checks.push(
    { name: 'coverage', run: reportCoverage },
    { name: 'conformance', run: runConformance },
    { name: 'ws', run: () => couldRun('conformance-ws.mjs') },
  );
}

function node(script, ...args) {
  return spawnSync(process.execPath, [script, ...args], { cwd: projectRoot, stdio: 'inherit' }).status === 0;
}

function runMocha() {
  rmSync(countsFile, { force: true });
  rmSync(coverageDir, { recursive: true, force: true });
  mkdirSync(resolve(projectRoot, 'build'), { recursive: true });
  const { status } = spawnSync(process.execPath, [tool('mocha/bin/mocha.js'), ...mochaArguments], {
    cwd: projectRoot,
    stdio: 'inherit',
    env: { ...process.env, NODE_V8_COVERAGE: coverageDir, NTMOBILE_TEST_COUNTS: countsFile },
  });
  return status === 0;
}

function reportCoverage() {
  return node(tool('c8/bin/c8.js'), 'report', '--check-coverage');
}

/** Node's own tests of what the shim replaces. */
function runConformance() {
  return couldRun('conformance.mjs', '--quick', '--jobs', '4', 'net', 'http', 'dgram', 'dns');
}

/** They need what the lab needs, and tests from Debian. With exit code 2 they say that something was not there. */
function couldRun(script, ...args) {
  const command = [resolve(projectRoot, 'scripts', script), ...args];
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit' });
  if (status !== 2 || process.env.NTMOBILE_LAB === 'required') return status === 0;
  process.stdout.write('skipped: see above\n');
  return true;
}

const results = checks.map(({ name, run }) => {
  process.stdout.write(`\n== ${name}\n`);
  const startedAt = performance.now();
  const ok = run();
  return { name, ok, seconds: (performance.now() - startedAt) / 1000 };
});

process.stdout.write('\n== summary\n');
for (const { name, ok, seconds } of results) {
  process.stdout.write(`${name.padEnd(11)} ${ok ? 'ok    ' : 'FAILED'} ${seconds.toFixed(1).padStart(6)} s\n`);
}
if (existsSync(countsFile)) {
  const { line, failed } = JSON.parse(readFileSync(countsFile, 'utf8'));
  for (const test of failed) process.stdout.write(`FAILED ${test}\n`);
  process.stdout.write(`${line}\n`);
} else {
  process.stdout.write('the tests did not run to their end\n'); // no counts: nothing may be counted
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
