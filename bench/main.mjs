#!/usr/bin/env node
/**
 * npm run bench -- NAME [--json]: ntmobile's packet path beside its peers, in one run, each with two processes in two
 * network namespaces. Ratios to wireguard-go and to the raw ceiling are what counts; see CONTRIBUTING.md.
 * Others: `preload`, what the preload costs programs that do not use it (preload.mjs); `signalling`, the paper's Table 4
 * (signalling.mjs); `load`, what the servers carry (load.mjs); `relay`, what an RS forwards (relay.mjs); `handover`, what
 * applications see of a move (handover.mjs).
 */
import { Command } from 'commander';
import { once } from 'node:events';
import { join } from 'node:path';
import { DATAGRAM_PORT, firstLine, Lab, whyNoLab } from './lab.mjs';
import { whyNoLan } from './lan.mjs';
import * as load from './load.mjs';
import * as handover from './handover.mjs';
import { putFirst } from './handover/priority.mjs';
import { benchPreload, printReport } from './preload.mjs';
import { commit, machine, record } from './record.mjs';
import * as relay from './relay.mjs';
import * as signalling from './signalling.mjs';
import { printTable } from './table.mjs';

const PEERS = ['ntmobile', 'wireguard-go', 'kernel', 'udx', 'raw'];
/** Outer IPv4, UDP and WireGuard headers. */
const OVERHEAD = 60;
const LOSSES = [0, 0.001, 0.01, 0.03];
const ROUND_TRIPS_MS = [20, 100];
/** What the line of a peer's figures begins with. */
const RESULT = 'result ';

const scenarios = {
  bulk: [{ workload: 'bulk', flows: 1, peers: PEERS }],
  flows: [{ workload: 'bulk', flows: 8, peers: PEERS.filter((peer) => peer !== 'raw') }],
  rr: [{ workload: 'rr', peers: ['ntmobile', 'wireguard-go', 'kernel', 'udx'] }],
  udp: [{ workload: 'udp', peers: ['ntmobile', 'wireguard-go', 'kernel'] }],
  connect: [{ workload: 'connect', peers: ['ntmobile', 'wireguard-go', 'kernel'] }],
  idle: [{ workload: 'idle', connections: 10_000, active: 1_000, peers: ['ntmobile', 'wireguard-go', 'kernel'] }],
  mtu: [1280, 1500, 9000, 16_504].map((mtu) => ({ workload: 'bulk', mtu, peers: ['ntmobile', 'wireguard-go', 'raw'] })),
  loss: ROUND_TRIPS_MS.flatMap((roundTripMs) =>
    LOSSES.map((loss) => ({
      ...{ workload: 'bulk', path: { delayMs: roundTripMs / 2, loss, seed: 1 }, peers: ['ntmobile', 'wireguard-go'] },
    })),
  ),
};

const program = new Command('bench')
  .argument('<name>', `one of ${Object.keys(scenarios).join(', ')}, all; or preload, signalling, load, relay, handover`)
  .option('--json', 'the figures and ratios as one line of JSON instead of tables')
  .option('--seconds <n>', 'how long each is measured', Number, 5)
  .option('--only <peers>', `a comma-separated part of ${PEERS.join(',')}`)
  .option('--profile <dir>', "writes V8 CPU profiles of ntmobile's processes")
  .option('--trials <n>', 'signalling: how often each is measured', Number, 100)
  .option('--nodes <n,n,...>', 'load: how many nodes there are', numbers, [1_000, 10_000, 100_000])
  .option('--workers <n>', 'relay: how many processes the relay server has', Number, 1)
  .option('--moves <n>', 'handover: moves of a scenario', Number, 200)
  .option('--scenario <names...>', 'handover: a part of its scenarios, or random')
  .option('--system <names...>', 'handover: a part of its systems')
  .option('--workload <names...>', 'handover: stream, exchange')
  .option('--seed <n>', 'handover: of its pauses, and of moves at random', Number, 1)
  .option('--trace <dir>', 'handover: where the traces of its nodes are kept')
  .parse();
const options = program.opts();
const [name] = program.args;
if (name === 'preload') {
  const result = await benchPreload(options);
  if (!options.json) printReport(result);
  else process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit();
}
if (name === 'signalling' || name === 'load' || name === 'relay' || name === 'handover') {
  const missing = (name === 'signalling' || name === 'handover') && whyNoLan();
  if (missing) program.error(`the benchmark needs root and ip: this machine lacks ${missing}`);
  const stopping = new AbortController();
  if (name === 'handover') {
    putFirst();
    for (const stop of ['SIGINT', 'SIGTERM']) process.once(stop, () => stopping.abort());
  }
  const { bench, print, toRecord } = { signalling, load, relay, handover }[name];
  const result = await bench({ ...options, signal: stopping.signal });
  const known = { bench: name, commit: commit(), machine: machine() };
  if (!options.json) print(result);
  else process.stdout.write(`${JSON.stringify({ ...known, ...toRecord(result) })}\n`);
  process.exit();
}
const wanted = name === 'all' ? Object.keys(scenarios) : [name];
if (!wanted.every((each) => each in scenarios)) program.error(`no benchmark is called ${name}`);
const missing = whyNoLab();
if (missing) program.error(`the benchmark needs root, ip, wg and wireguard-go: this machine lacks ${missing}`);

function numbers(text) {
  return text.split(',').map(Number);
}

async function measure(lab, peer, scenario) {
  const { mtu = 1500 } = scenario;
  const transport = { 'wireguard-go': 'net', kernel: 'net' }[peer] ?? peer;
  const target = peer === 'wireguard-go' ? await lab.startWireguard(mtu - OVERHEAD - 20) : lab.outside('server');
  await lab.startMiddlebox();
  const settings = (role, other) => ({
    ...{ ...scenario, role, transport, target, seconds: options.seconds, port: DATAGRAM_PORT },
    ...{ endpoint: lab.endpoint(other, role), linkMtu: mtu, tunnelMtu: mtu - OVERHEAD },
  });
  const run = (role, other) => {
    const profile = options.profile && peer === 'ntmobile' ? ['--cpu-prof', '--cpu-prof-dir', options.profile] : [];
    const args = ['--expose-gc', ...profile, join(import.meta.dirname, 'peer.mjs')];
    return lab.run(role, process.execPath, [...args, JSON.stringify(settings(role, other))]);
  };
  const server = run('server', 'client');
  await firstLine(server, 'ready');
  const served = firstLine(server, RESULT);
  const client = run('client', 'server');
  const ended = Promise.all([server, client].map((child) => once(child, 'exit'))); // profiles are written at the end
  const [asked, answered] = await Promise.all([firstLine(client, RESULT), served]);
  await ended;
  await lab.stopMiddlebox();
  await lab.stopWireguard();
  return summary(resultOf(asked), resultOf(answered));
}

const resultOf = (line) => JSON.parse(line.slice(RESULT.length));

function summary(client, server) {
  if (server.bytes === undefined) return { ...client, ...server };
  const cpu =
    client.userMs === undefined ? undefined : client.userMs + client.systemMs + server.userMs + server.systemMs;
  return {
    megabytesPerSecond: server.megabytesPerSecond,
    ...(cpu && { cpuMsPerMegabyte: cpu / (server.bytes / 1e6) }),
    ...(client.setUpMs && {
      setUpMs: client.setUpMs,
      bytesPerConnection: { client: client.bytesPerConnection, server: server.bytesPerConnection },
    }),
  };
}

/** How many times better than the others ntmobile is; for latencies the inverse, so that more is better. */
function ratios(figures) {
  const ours = figures.ntmobile;
  if (!ours) return {};
  const better = ({ megabytesPerSecond, perSecond }) => megabytesPerSecond ?? perSecond;
  return Object.fromEntries(
    Object.entries(figures)
      .filter(([peer]) => peer !== 'ntmobile')
      .map(([peer, theirs]) => [`to ${peer}`, better(ours) / better(theirs)]),
  );
}

const results = [];
for (const each of wanted) {
  for (const scenario of scenarios[each]) {
    const figures = {};
    for (const peer of scenario.peers) {
      if (options.only && !options.only.split(',').includes(peer)) continue;
      const lab = new Lab(scenario);
      try {
        figures[peer] = await measure(lab, peer, scenario);
      } finally {
        await lab.close();
      }
    }
    const result = { name: each, parameters: { ...scenario, peers: undefined }, figures, ratios: ratios(figures) };
    results.push(result);
    if (!options.json) printTable(result);
  }
}
if (options.json) process.stdout.write(`${JSON.stringify(record(name, results))}\n`);
