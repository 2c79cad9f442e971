#!/usr/bin/env node
/**
 * npm run lab -- [NAME...] [--json] [--observe SECONDS] [--jobs N] [--list]: who reaches whom, behind real NATs.
 * npm run lab -- MOVEMENT[:WORKLOAD]... [--share PART] [--seed N] [--keep DIR]: what programs see of it when their hosts move.
 *
 * MOVEMENT: a file of test/lab/handover/. Its WORKLOADs run one after the other, or with MOVEMENT:all at the same time.
 * NAME: a scenario (a file of test/lab/reach/), or FROM:TO, two places, or one place: it dials all and all dial it.
 * Without a name: every place dials every place, and then a table. Exit code 1: something is not as expected;
 * 2: the lab cannot run here.
 */
import { Command, InvalidArgumentError } from 'commander';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './setup/report.mjs';

const compiled = (path) => import(pathToFileURL(join(projectRoot, 'dist/test', path)).href);
const { whyNoLab } = await compiled('support/lab.js');
const { HandoverLab } = await compiled('support/handover-lab/handover-lab.js');
const { runMovement } = await compiled('support/handover-lab/run.js');
const { workloadsOf } = await compiled('support/handover-lab/workload.js');
const { places } = await compiled('support/nat-lab/places.js');
const { allPairs, runMatrix } = await compiled('support/nat-lab/matrix.js');
const { gridOf, summaryOf, tableOf } = await compiled('support/nat-lab/table.js');

/** What a download is at least; and how fast where other workloads run at the same time, a second. */
const BYTES = 500e6;
const PACE = 2e6;

const program = new Command('lab')
  .argument(
    '[names...]',
    'scenarios, FROM:TO of two places, single places, MOVEMENT:WORKLOAD; default: every place dials every place',
  )
  .option('--json', 'the result as one line of JSON, the last of standard output')
  .option('--observe <seconds>', 'how long a pair is watched for a better path', positive, 3)
  .option('--jobs <n>', 'pairs at the same time; 1 gives the truest times', positive, 2)
  .option('--share <part>', 'of the moves and of the bytes of a movement, 0 to 1', positive, 1)
  .option('--seed <n>', 'of random movements', Number)
  .option('--keep <dir>', 'where the traces of the programs of a movement are kept')
  .option('--list', 'say what places and scenarios there are')
  .parse();
const options = program.opts();
const names = program.args;
const print = options.json ? (line) => process.stderr.write(`${line}\n`) : (line) => process.stdout.write(`${line}\n`);

let lab;
let closing;
let interrupted;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);

try {
  process.exitCode = options.list ? await list() : await main();
} catch (error) {
  if (!interrupted) process.stderr.write(`lab: ${error.stack}\n`);
  process.exitCode = 2;
} finally {
  await close();
}

async function main() {
  const missing = whyNoLab();
  if (missing) {
    process.stderr.write(`lab: skipped: ${missing}\n`);
    return 2;
  }
  const { pairs, scenarios, movements } = await chosen();
  lab = new HandoverLab();
  print('lab: the servers start');
  await lab.startServers();
  const results = [];
  for (const scenario of scenarios) results.push(await runScenario(scenario));
  for (const movement of movements) results.push(...(await runMoved(movement)));
  if (pairs.length > 0) results.push(...(await runPairs(pairs)));
  if (options.json) process.stdout.write(`${JSON.stringify({ scenarios: results })}\n`);
  return results.every(({ ok }) => ok) ? 0 : 1;
}

async function runScenario(scenario) {
  print(`\n${scenario.name}: ${scenario.about}`);
  const result = await scenario.run(lab, { observeMs: options.observe * 1000 }, (line) => print(`  ${line}`));
  print(result.ok ? '  as expected' : `  NOT as expected: ${result.note}`);
  return result;
}

async function runMoved({ movement, workloads }) {
  print(`\n${movement.name}: ${movement.about}`);
  const results = [];
  for (const together of workloads) {
    const { share, seed, keep } = options;
    const some = await runMovement(lab, movement, together, { share, seed, keep }, (line) => print(`  ${line}`));
    for (const { name, ok, moves, seconds, path, note } of some) {
      print(`  ${name}: ${ok ? '' : 'NOT as expected: '}${moves} moves in ${seconds.toFixed(0)} s, ${path}; ${note}`);
    }
    results.push(...some);
  }
  return results;
}

async function runPairs(pairs) {
  const startedAt = performance.now();
  let done = 0;
  const onRow = ({ result }) => {
    const what = result.ok ? result.path : `${result.path}: ${result.note}`;
    process.stderr.write(`[${++done}/${pairs.length}] ${result.name}: ${what}\n`);
  };
  const rows = await runMatrix(lab, pairs, { observeMs: options.observe * 1000, jobs: options.jobs, onRow });
  print('');
  for (const line of [...tableOf(rows), '', ...gridOf(rows), '', ...summaryOf(rows)]) print(line);
  print(`${((performance.now() - startedAt) / 1000).toFixed(0)} s, ${options.jobs} pairs at a time`);
  return rows.map(({ result }) => result);
}

async function chosen() {
  if (names.length === 0) return { pairs: allPairs(places), scenarios: [], movements: [] };
  const pairs = [];
  const scenarios = [];
  const movements = [];
  for (const name of names) {
    const moved = await chosenMovement(name);
    if (moved) {
      movements.push(moved);
      continue;
    }
    const ends = name.split(':').map((end) => places.find((place) => place.name === end));
    if (filesOf('reach').includes(name)) scenarios.push((await compiled(`lab/reach/${name}.js`)).scenario);
    else if (ends.length === 2 && ends.every(Boolean)) pairs.push({ from: ends[0], to: ends[1] });
    else if (ends.length === 1 && ends[0]) pairs.push(...allPairs(places).filter((pair) => isOf(pair, ends[0])));
    else throw new Error(`neither a scenario nor a place nor FROM:TO: ${name} (--list says what there is)`);
  }
  return { pairs, scenarios, movements };
}

/** With the workloads that run at the same time, one such set after the other. */
async function chosenMovement(name) {
  const [of, which] = name.split(':');
  if (!filesOf('handover').includes(of)) return undefined;
  const { movement } = await compiled(`lab/handover/${of}.js`);
  const workloads = workloadsOf({ bytes: BYTES * options.share, bytesPerSecond: which === 'all' ? PACE : Infinity });
  if (which === 'all') return { movement, workloads: [workloads] };
  const wanted = workloads.filter((workload) => which === undefined || workload.name === which);
  if (wanted.length === 0) throw new Error(`no workload ${which}; there are ${workloads.map((each) => each.name)}`);
  return { movement, workloads: wanted.map((workload) => [workload]) };
}

async function list() {
  process.stdout.write('places:\n');
  for (const { name, about } of places) process.stdout.write(`  ${name.padEnd(18)} ${about}\n`);
  process.stdout.write('scenarios:\n');
  for (const name of filesOf('reach')) {
    const { scenario } = await compiled(`lab/reach/${name}.js`);
    process.stdout.write(`  ${name.padEnd(34)} ${scenario.about}\n`);
  }
  process.stdout.write('movements:\n');
  for (const name of filesOf('handover')) {
    const { movement } = await compiled(`lab/handover/${name}.js`);
    process.stdout.write(`  ${name.padEnd(18)} ${movement.about}\n`);
  }
  process.stdout.write('workloads:\n');
  for (const { name, about } of workloadsOf({})) process.stdout.write(`  ${name.padEnd(18)} ${about}\n`);
  return 0;
}

function filesOf(folder) {
  const files = readdirSync(join(projectRoot, 'dist/test/lab', folder));
  return files.filter((file) => file.endsWith('.js')).map((file) => basename(file, '.js'));
}

function isOf({ from, to }, place) {
  return from === place || to === place;
}

async function interrupt() {
  if (interrupted) return;
  interrupted = true;
  process.stderr.write('lab: interrupted; all is removed\n');
  await close();
  process.exit(130);
}

/** Once, and whoever asks waits for it. */
function close() {
  const open = lab;
  lab = undefined;
  closing ??= open?.close().then((left) => left.forEach((line) => process.stderr.write(`lab: not removed: ${line}\n`)));
  return closing;
}

function positive(text) {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a positive number.');
  return value;
}
