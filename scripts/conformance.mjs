#!/usr/bin/env node
/**
 * npm run conformance -- [--tests DIR] [--json] GROUP|GLOB...: Node's own tests, through the virtual stack.
 *
 * Each file runs by itself and under the preload of test/conformance, in a network namespace that has only loopback.
 * One that passes by itself must pass under the shim, unless test/conformance/expected-failures.mjs says why not; and
 * what stands there must fail, so that the list only shrinks. Exit code 2: could not be run.
 */
import { Command } from 'commander';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expectedFailures } from '../test/conformance/expected-failures.mjs';
import { runFile } from './conformance/run-file.mjs';
import { fetchNodeTests } from './node-tests.mjs';
import { projectRoot } from './setup/report.mjs';

const GROUPS = ['net', 'http', 'https', 'http2', 'tls', 'dgram', 'dns'];
/** Set in the process that runs inside the network namespace. */
const INSIDE = 'NTMOBILE_CONFORMANCE_INSIDE';
const ALONE = 'ip link set lo up && exec "$0" "$@"';

const program = new Command('conformance')
  .argument('<groups...>', `${GROUPS.join(', ')}, or globs such as 'parallel/test-net-*'`)
  .option('--tests <dir>', "the directory `test` of Node's source; default: from Debian, of this major of Node")
  .option('--json', 'the result as one line of JSON, the last of standard output')
  .option('--verbose', 'what files that are expected to fail have said, too')
  .option('--quick', 'run by themselves only the files that fail with the shim')
  .option('--jobs <n>', 'files that run at the same time', Number, 2)
  .option('--limit <seconds>', 'how long a file may run', Number, 30)
  .parse();
const options = program.opts();
const major = Number(process.versions.node.split('.')[0]);
const say = (line) => process.stderr.write(`${line}\n`);
const expected = new Set(
  expectedFailures.flatMap(({ files, majors = [major] }) => (majors.includes(major) ? files : [])),
);

try {
  if (process.env[INSIDE]) await main();
  else process.exitCode = runInNamespace();
} catch (error) {
  say(`conformance: ${error.message}`);
  process.exitCode = 2;
}

function runInNamespace() {
  if (!options.tests) fetchNodeTests({ into: resolve(projectRoot, 'build'), major, log: say });
  const user = process.getuid() === 0 ? [] : ['--user', '--map-root-user'];
  const { error, status } = spawnSync(
    'unshare',
    [...user, '--net', 'sh', '-c', ALONE, process.execPath, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } },
  );
  if (error) throw new Error(`a network namespace is needed, and unshare(1) to make it: ${error.message}`);
  return status ?? 1;
}

async function main() {
  const tests = resolve(options.tests ?? join(projectRoot, 'build/node-tests', String(major)));
  const files = program.args.flatMap((wanted) => filesOf(tests, wanted));
  const results = await inParallel([...new Set(files)], options.jobs, (file, slot) => judge(tests, file, slot));
  const groups = {};
  for (const result of results) {
    const group = (groups[groupOf(result.file)] ??= {
      ...{ files: 0, passUnshimmed: 0, passShimmed: 0, exercised: 0, failures: [] },
    });
    group.files++;
    if (result.passUnshimmed) group.passUnshimmed++;
    if (result.passShimmed) group.passShimmed++;
    if (result.exercised) group.exercised++;
    if (result.passUnshimmed && !result.passShimmed) group.failures.push(result.file);
  }
  process.exitCode = report(groups, results) ? 0 : 1;
}

async function judge(tests, file, slot) {
  const common = { tests, file, slot, limitMs: options.limit * 1000 };
  const passes = async () => (await runFile({ ...common, shimmed: false })).outcome === 'passed';
  if (!options.quick && !(await passes())) return { file, passUnshimmed: false };
  const { outcome, exercised, output } = await runFile({ ...common, shimmed: true });
  const passShimmed = outcome === 'passed';
  if (options.quick && !passShimmed && !(await passes())) return { file, passUnshimmed: false };
  if (!passShimmed && (options.verbose || !expected.has(file))) say(`\n== ${file}\n${output}`);
  return { file, passUnshimmed: true, passShimmed, exercised };
}

/** What is said in words goes to standard error when standard output has JSON. */
function report(groups, results) {
  const print = options.json ? say : (line) => process.stdout.write(`${line}\n`);
  for (const [name, { files, passUnshimmed, passShimmed, exercised }] of Object.entries(groups)) {
    const used = `${exercised} used the virtual stack`;
    print(`${name.padEnd(6)} ${passShimmed} of ${passUnshimmed} pass with the shim (${files} files, ${used})`);
  }
  const judged = results.filter(({ passUnshimmed }) => passUnshimmed);
  const failed = judged.filter(({ file, passShimmed }) => !passShimmed && !expected.has(file));
  const mended = judged.filter(({ file, passShimmed }) => passShimmed && expected.has(file));
  for (const { file } of failed) print(`FAILED ${file}`);
  for (const { file } of mended) print(`PASSES, so strike it from the expected failures: ${file}`);
  if (options.json) process.stdout.write(`${JSON.stringify({ node: process.versions.node, groups })}\n`);
  return failed.length === 0 && mended.length === 0;
}

function filesOf(tests, wanted) {
  const glob = GROUPS.includes(wanted) ? `parallel/test-${wanted}-*` : wanted;
  const [directory, name] = glob.split('/');
  if (name === undefined) throw new Error(`neither a group nor a glob DIRECTORY/NAME: ${wanted}`);
  const pattern = new RegExp(`^${name.split('*').map(escape).join('.*')}$`);
  const found = readdirSync(join(tests, directory))
    .filter((file) => /\.m?js$/.test(file) && (pattern.test(file) || pattern.test(file.replace(/\.m?js$/, ''))))
    .map((file) => `${directory}/${file}`);
  if (found.length === 0) throw new Error(`no file matches ${wanted}`);
  return found.sort();
}

function escape(text) {
  return text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&');
}

function groupOf(file) {
  return /^[^/]+\/test-([a-z0-9]+)/.exec(file)?.[1] ?? file;
}

/** In the order of the items, `jobs` at a time. */
async function inParallel(items, jobs, work) {
  const results = [];
  let next = 0;
  const worker = async (_, slot) => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index], slot);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return results;
}
