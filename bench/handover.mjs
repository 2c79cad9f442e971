/**
 * npm run bench -- handover [--moves N] [--scenario NAME...] [--system NAME...] [--workload NAME...]: the interruption that
 * applications see when their host moves, with ntmobile and its peers. All of them run at once on the same two hosts and
 * meet the same moves; scenarios are in handover/moves.mjs, systems in handover/systems/, what flows in
 * handover/workloads.mjs.
 *
 * The interruption of a move is the longest gap between successive arrivals, in either direction, of those that have some
 * of the time from the move until everything flows again in them; of `exchange` less its 100 ms period, of `stream` as it
 * is. `quiet` is the same in the second before each move: what is not the move's. After a move comes a pause, until all
 * flow again, and a random part. With `trace`, a directory, it holds what each flow saw of each move and the nodes' traces.
 * A flow that does not come back within 30 s is broken, and begun anew.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flow } from './handover/flow.mjs';
import { SCENARIOS } from './handover/moves.mjs';
import { installPeers } from './handover/peers.mjs';
import { now } from './handover/recorder.mjs';
import { printRows, summary } from './handover/summary.mjs';
import * as mosh from './handover/systems/mosh.mjs';
import * as mptcp from './handover/systems/mptcp.mjs';
import * as ntmobile from './handover/systems/ntmobile.mjs';
import * as quic from './handover/systems/quic.mjs';
import * as reconnect from './handover/systems/reconnect.mjs';
import * as wireguardGo from './handover/systems/wireguard-go.mjs';
import { WORKLOADS } from './handover/workloads.mjs';
import { World } from './handover/world.mjs';

export { toRecord } from './handover/summary.mjs';

export const SYSTEMS = {
  ...{ ntmobile, 'wireguard-go': wireguardGo, mptcp, quic, mosh },
  'kernel-tcp-reconnect': reconnect,
};
/** Those of the issue; `random` is for endurance. */
const USUAL = Object.keys(SCENARIOS).filter((name) => name !== 'random');

const FIRST_PORT = 41_000;
/** Nothing is measured sooner after a move: a retransmission timer may fire only then. */
const SETTLING_MS = 1_000;
const FLOWING_MS = 500;
const ASKED_EVERY_MS = 50;
const PATIENCE_MS = 30_000;
const PAUSE_MS = 500;
const QUIET_MS = 1_000;

/** `signal` ends it before the next move. Returns [{ scenario, system, workload, moves, p50, ... } or { scenario, system, workload, reason }]. */
export async function bench(options = {}) {
  const { moves = 200, scenario = USUAL, system = Object.keys(SYSTEMS), workload, seed = 1, trace, signal } = options;
  const workloads = workload ?? Object.keys(WORKLOADS);
  refuseUnknown(scenario, SCENARIOS);
  refuseUnknown(system, SYSTEMS);
  refuseUnknown(workloads, WORKLOADS);
  if (system.some((name) => SYSTEMS[name].missing())) installPeers();
  const rows = [];
  for (const name of scenario)
    if (!signal?.aborted) rows.push(...(await run(name, { moves, system, workloads, seed, trace, signal })));
  return rows;
}

/** What each system and scenario is, and the tables. */
export function print(rows) {
  const about = (known, key) =>
    [...new Set(rows.map((row) => row[key]))].map((name) => `  ${name.padEnd(22)}${known[name].about}\n`).join('');
  process.stdout.write(`\n${about(SYSTEMS, 'system')}\n${about(SCENARIOS, 'scenario')}`);
  printRows(rows);
}

function refuseUnknown(names, known) {
  const unknown = names.find((name) => !(name in known));
  if (unknown) throw new Error(`${unknown} is none of ${Object.keys(known).join(', ')}`);
}

async function run(scenario, { moves, system, workloads, seed, trace, signal }) {
  const world = new World({ trace });
  const flows = [];
  try {
    await world.start(SCENARIOS[scenario].networks);
    const absent = [];
    for (const name of system) {
      const { missing, impossible, workloads: own = workloads } = SYSTEMS[name];
      const able = own.filter((each) => workloads.includes(each));
      const reason = missing() ? `this machine lacks ${missing()}` : impossible[scenario];
      if (reason) absent.push(...able.map((each) => ({ scenario, system: name, workload: each, reason })));
      else for (const each of able) flows.push(flowOf(world, name, each, FIRST_PORT + flows.length));
    }
    for (const name of new Set(flows.map((flow) => flow.system))) SYSTEMS[name].prepare?.(world);
    for (const flow of flows) await flow.begin();
    const measured = await measure({ scenario, world, flows, moves, random: randomFrom(seed), trace, signal });
    const rows = await Promise.all(flows.map((flow) => summary(scenario, flow, measured.get(flow))));
    return [...rows, ...absent];
  } finally {
    await Promise.all(flows.map((flow) => flow.end()));
    await world.close();
  }
}

function flowOf(world, system, workload, port) {
  const { periodMs } = WORKLOADS[workload];
  return new Flow({ system, workload, periodMs, start: () => SYSTEMS[system].start(world, workload, port) });
}

/** What each flow has seen, of each move: { gaps, quiet }, in milliseconds. */
async function measure({ scenario, world, flows, moves, random, trace, signal }) {
  const { prepare, move, isBrisk } = SCENARIOS[scenario];
  const measured = new Map(flows.map((flow) => [flow, { gaps: [], quiet: [] }]));
  await allFlow(flows);
  for (let i = 0; i < moves && !signal?.aborted; i++) {
    if (prepare) {
      await prepare(world, i);
      await allFlow(flows);
    }
    await sleep((isBrisk ? 0 : QUIET_MS) + random() * PAUSE_MS);
    const movedMs = now();
    const quiet = await gapsOf(flows, movedMs - QUIET_MS, movedMs);
    const atMs = now();
    await move(world, i, random);
    const stuck = await allFlow(flows);
    const gaps = await gapsOf(flows, atMs, now());
    flows.forEach((flow, j) => {
      measured.get(flow).gaps.push(gaps[j]);
      measured.get(flow).quiet.push(quiet[j]);
    });
    for (const flow of stuck) await flow.beginAnew();
    if (trace) await writeMove(trace, { scenario, move: i, atMs }, flows, gaps);
  }
  return measured;
}

/** Beside the nodes' traces, whose times are of the same clock. `broken`: until now. */
async function writeMove(trace, move, flows, gaps) {
  const seen = flows.map(async (flow, j) => [
    `${flow.system} ${flow.workload}`,
    { gapMs: gaps[j], broken: await flow.broken() },
  ]);
  const line = { ...move, flows: Object.fromEntries(await Promise.all(seen)) };
  appendFileSync(join(trace, 'moves.ndjson'), `${JSON.stringify(line)}\n`);
}

const gapsOf = (flows, fromMs, untilMs) => Promise.all(flows.map((flow) => flow.longestGap(fromMs, untilMs)));

/** Waits until they flow; returns those that do not. */
async function allFlow(flows) {
  const sinceMs = now();
  await sleep(SETTLING_MS);
  for (;;) {
    const flowing = await Promise.all(flows.map((flow) => flow.flows(FLOWING_MS)));
    const stuck = flows.filter((_, i) => !flowing[i]);
    if (stuck.length === 0 || now() - sinceMs > PATIENCE_MS) return stuck;
    await sleep(ASKED_EVERY_MS);
  }
}

/** splitmix32, 0 to 1. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
