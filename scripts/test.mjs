#!/usr/bin/env node
/**
 * All checks in two lanes, one for each of two processors, then coverage and one summary. Runs them all, whatever fails.
 * The last line alone is `N passed, N failed` with `, N skipped` when tests were skipped.
 * Arguments go to mocha: `node scripts/test.mjs --grep wildcard`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { projectRoot } from './setup/report.mjs';

const countsFileOf = (name) => resolve(projectRoot, `build/counts of ${name}.json`);
const coverageDir = resolve(projectRoot, 'coverage/tmp');
const mochaArguments = process.argv.slice(2);

const tool = (path) => resolve(projectRoot, 'node_modules', path);
const script = (name) => resolve(projectRoot, 'scripts', name);

const isWhole = mochaArguments.length === 0;
/**
 * Directories of dist/test; `tests` has what is in no other. Programs of `shim`, `programs` and `versions` listen on fixed
 * ports, and so are in one lane; all others take ports that are free. What is `covered` counts for coverage, which costs
 * a quarter more time: the rest are programs whose parts the covered tests run, too.
 */
const SUITES = {
  tests: { covered: true },
  lab: { dirs: ['lab', 'bench', 'fuzz'] },
  'tests 2': { dirs: ['shim', 'servers', 'cli'], covered: true },
  programs: { dirs: ['programs', 'versions'] },
};
const suites = Object.keys(isWhole ? SUITES : { tests: SUITES.tests });
const elsewhere = Object.values(SUITES).flatMap(({ dirs = [] }) => dirs);

const lint = check('lint', tool('eslint/bin/eslint.js'), '--max-warnings=0', '.');
const format = check('format', tool('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.');
const types = check('types', tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit');
const conformance = ifPossible(
  check('conformance', script('conformance.mjs'), '--quick', '--jobs', '2', 'net', 'dgram', 'dns'),
);
const ws = ifPossible(check('ws', script('conformance-ws.mjs')));
const coverage = check('coverage', tool('c8/bin/c8.js'), 'report', '--check-coverage');
/** The first is shown as it comes; what the others say is shown afterwards. */
const lanes = isWhole
  ? [
      [tests('tests', { shown: true }), tests('lab', { shown: true })],
      [lint, format, types, conformance, ws, tests('tests 2'), tests('programs')],
    ]
  : [[tests('tests', { shown: true })], [lint, format, types]];
// The threshold is on the whole; a part of the tests says nothing about it.
const after = isWhole ? [coverage] : [];

/** Runs a program of Node. Resolves to the exit code and, unless it is `shown` as it comes, what it printed. */
function run(args, { shown = false, env = process.env } = {}) {
  return new Promise((resolveRun) => {
    const child = spawn(process.execPath, args, {
      cwd: projectRoot,
      env,
      stdio: ['ignore', ...(shown ? ['inherit', 'inherit'] : ['pipe', 'pipe'])],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text));
    child.on('close', (code) => resolveRun({ ok: code === 0, code, output }));
  });
}

function check(name, ...args) {
  return { name, run: () => run(args) };
}

/** Node's own tests, and those of ws, need what the lab needs, and tests from Debian: exit code 2 says that something is not there. */
function ifPossible({ name, run: runCheck }) {
  return {
    name,
    async run() {
      const result = await runCheck();
      if (result.code !== 2 || process.env.NTMOBILE_LAB === 'required') return result;
      return { ...result, ok: true, output: `${result.output}skipped: see above\n` };
    },
  };
}

function tests(name, { shown = false } = {}) {
  const { dirs, covered = false } = SUITES[name];
  const ignored = elsewhere.flatMap((dir) => ['--ignore', `dist/test/${dir}/**`]);
  const named = dirs?.map((dir) => `dist/test/${dir}/**/*.test.js`);
  const args = [tool('mocha/bin/mocha.js'), ...(isWhole ? (named ?? ignored) : mochaArguments)];
  const env = {
    ...process.env,
    NTMOBILE_TEST_COUNTS: countsFileOf(name),
    ...(covered && { NODE_V8_COVERAGE: coverageDir }),
  };
  return { name, run: () => run(args, { shown, env }) };
}

async function timed({ name, run: runCheck }) {
  const startedAt = performance.now();
  const { ok, output } = await runCheck();
  return { name, ok, output, seconds: (performance.now() - startedAt) / 1000 };
}

async function inTurn(checks) {
  const done = [];
  for (const check of checks) done.push(await timed(check));
  return done;
}

rmSync(coverageDir, { recursive: true, force: true });
for (const name of suites) rmSync(countsFileOf(name), { force: true });
mkdirSync(resolve(projectRoot, 'build'), { recursive: true });

process.stdout.write('\n== tests\n');
const results = (await Promise.all(lanes.map(inTurn))).flat();
results.push(...(await inTurn(after)));
for (const { name, output } of results) if (output) process.stdout.write(`\n== ${name}\n${output}`);

process.stdout.write('\n== summary\n');
for (const { name, ok, seconds } of results) {
  process.stdout.write(`${name.padEnd(11)} ${ok ? 'ok    ' : 'FAILED'} ${seconds.toFixed(1).padStart(6)} s\n`);
}
if (suites.every((name) => existsSync(countsFileOf(name)))) {
  const { countsLine, sumOf } = createRequire(import.meta.url)('../dist/test/support/counts.js');
  const ended = suites.map((name) => JSON.parse(readFileSync(countsFileOf(name), 'utf8')));
  for (const test of ended.flatMap(({ failed }) => failed)) process.stdout.write(`FAILED ${test}\n`);
  process.stdout.write(`${countsLine(sumOf(ended.map(({ counts }) => counts)))}\n`);
} else {
  process.stdout.write('the tests did not run to their end\n'); // no counts: nothing may be counted
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
