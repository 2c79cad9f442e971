#!/usr/bin/env node
/**
 * All checks, then one summary: most of the tests; beside them lint, format, types, the tests of Node and ws through
 * the shim, and the rest of the tests; and coverage at the end. Runs them all, whatever fails.
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
const script = (name, ...args) => [process.execPath, resolve(projectRoot, 'scripts', name), ...args];

const isWhole = mochaArguments.length === 0;
const runs = isWhole ? ['tests', 'tests 2'] : ['tests'];
/** Programs of the first three listen on fixed ports; all others take ports that are free. */
const SECOND_LANE = ['shim', 'programs', 'versions', 'servers', 'cli'].map((dir) => `dist/test/${dir}/**`);
const first = isWhole ? SECOND_LANE.flatMap((files) => ['--ignore', files]) : mochaArguments;
const second = SECOND_LANE.map((files) => `${files}/*.test.js`);
const tests = { name: 'tests', run: () => runMocha('tests', first) };
/** The tests wait for processes more than they compute: beside them these run, and say what they said afterwards. */
const beside = [
  { name: 'lint', run: () => run([process.execPath, tool('eslint/bin/eslint.js'), '--max-warnings=0', '.']) },
  {
    name: 'format',
    run: () => run([process.execPath, tool('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.']),
  },
  { name: 'types', run: () => run([process.execPath, tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit']) },
];
const after = [];
// The threshold is on the whole; a part of the tests says nothing about it.
if (isWhole) {
  beside.push(
    {
      name: 'conformance',
      run: () => runIfPossible(script('conformance.mjs', '--quick', '--jobs', '2', 'net', 'dgram', 'dns')),
    },
    { name: 'ws', run: () => runIfPossible(script('conformance-ws.mjs')) },
    { name: 'tests 2', run: () => runMocha('tests 2', second, { shown: false }) },
  );
  after.push({
    name: 'coverage',
    run: () => run([process.execPath, tool('c8/bin/c8.js'), 'report', '--check-coverage']),
  });
}

/** Resolves to the exit code and, unless it is `shown` as it comes, what it printed. */
function run([command, ...args], { shown = false, env = process.env } = {}) {
  return new Promise((resolveRun) => {
    const child = spawn(command, args, {
      cwd: projectRoot,
      env,
      stdio: ['ignore', ...(shown ? ['inherit', 'inherit'] : ['pipe', 'pipe'])],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text));
    child.on('close', (code) => resolveRun({ ok: code === 0, code, output }));
  });
}

function runMocha(name, args, { shown = true } = {}) {
  const env = { ...process.env, NODE_V8_COVERAGE: coverageDir, NTMOBILE_TEST_COUNTS: countsFileOf(name) };
  return run([process.execPath, tool('mocha/bin/mocha.js'), ...args], { shown, env });
}

/** Node's own tests, and those of ws, need what the lab needs, and tests from Debian: exit code 2 says that something is not there. */
async function runIfPossible(command) {
  const result = await run(command);
  if (result.code !== 2 || process.env.NTMOBILE_LAB === 'required') return result;
  return { ...result, ok: true, output: `${result.output}skipped: see above\n` };
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
for (const name of runs) rmSync(countsFileOf(name), { force: true });
mkdirSync(resolve(projectRoot, 'build'), { recursive: true });

process.stdout.write('\n== tests\n');
const besideDone = inTurn(beside);
const results = [await timed(tests), ...(await besideDone), ...(await inTurn(after))];
for (const { name, output } of results) if (output) process.stdout.write(`\n== ${name}\n${output}`);

process.stdout.write('\n== summary\n');
for (const { name, ok, seconds } of results) {
  process.stdout.write(`${name.padEnd(11)} ${ok ? 'ok    ' : 'FAILED'} ${seconds.toFixed(1).padStart(6)} s\n`);
}
if (runs.every((name) => existsSync(countsFileOf(name)))) {
  const { countsLine, sumOf } = createRequire(import.meta.url)('../dist/test/support/counts.js');
  const ended = runs.map((name) => JSON.parse(readFileSync(countsFileOf(name), 'utf8')));
  for (const test of ended.flatMap(({ failed }) => failed)) process.stdout.write(`FAILED ${test}\n`);
  process.stdout.write(`${countsLine(sumOf(ended.map(({ counts }) => counts)))}\n`);
} else {
  process.stdout.write('the tests did not run to their end\n'); // no counts: nothing may be counted
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
