/**
 * npm run bench -- relay [--json]: what an RS forwards, on loopback, beside ceilings in the same run: the same load
 * through a bare forwarder of node:dgram, and through one in C. They take turns, so that what else the machine does
 * falls on all of them. The load needs processor time too: what counts is packets for a second of the forwarder's own
 * CPU time (user and system, of all its processes), which is what a core that does nothing else carries.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startCoordinator } from './relay/coordinator.mjs';

const cli = join(import.meta.dirname, '../dist/cli/main.js');
const FRAME_BYTES = [200, 1_300];
const PATHS = 64;
const WINDOW = 16;
const ROUNDS = 5;
/** Of /proc/PID/stat: USER_HZ, which is 100 on every architecture of Linux that Node runs on. */
const TICK_MS = 10;
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/**
 * `seconds`: how long each is measured, in all rounds together. `workers`: the setting of the RS. `profile`: a directory
 * for V8 CPU profiles of the RS. Returns [{ system, bytes, packetsPerSecond, packetsPerCpuSecond, best, ... }]: medians,
 * and of the packets for a second of CPU time the best round, too, which other programs on the machine disturbed least.
 */
export async function bench({ seconds, workers = 1, profile, only }) {
  const dir = mkdtempSync(join(tmpdir(), 'ntmobile-bench-'));
  try {
    const [load, native] = ['load', 'raw-c'].map((name) => compile(name, dir));
    const all = {
      ntmobile: (at) => startRelay(at, workers, profile),
      'raw-dgram': () => startRaw(process.execPath, [join(import.meta.dirname, 'relay/raw-dgram.mjs')]),
      'raw-c': () => startRaw(native, []),
    };
    const systems = Object.entries(all).filter(([system]) => !only || only.split(',').includes(system));
    const figures = [];
    for (const bytes of FRAME_BYTES) {
      const rounds = [];
      for (let round = 0; round < ROUNDS; round++) rounds.push(await measureInTurn(systems, dir, load, bytes, seconds));
      for (const [system] of systems) figures.push({ system, bytes, ...medians(rounds.map((round) => round[system])) });
    }
    return figures;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export function print(figures) {
  for (const { system, bytes, packetsPerSecond, packetsPerCpuSecond, best, userUs, systemUs } of figures) {
    const ours = figures.find((other) => other.system === 'ntmobile' && other.bytes === bytes);
    const ratio = ours && ours.system !== system ? `   ntmobile: ${(ours.best / best).toFixed(2)} x` : '';
    const cpu = `${packetsPerCpuSecond.toFixed(0)} for a second of CPU time (best round ${best.toFixed(0)})`;
    const parts = `${userUs.toFixed(1)} us user, ${systemUs.toFixed(1)} us system`;
    const sent = `${packetsPerSecond.toFixed(0)} packets/s`;
    process.stdout.write(`  ${bytes} bytes  ${system.padEnd(10)} ${sent}   ${cpu}   ${parts}${ratio}\n`);
  }
}

export function toRecord(measured) {
  const figures = measured.flatMap(({ system, bytes, packetsPerSecond, packetsPerCpuSecond, best }) =>
    [
      ['packets', packetsPerSecond],
      ['packets-per-core', packetsPerCpuSecond],
      ['packets-per-core-best', best],
    ].map(([metric, value]) => ({ system, metric, unit: '1/s', value, frameBytes: bytes })),
  );
  const ratios = figures
    .filter(({ system, metric }) => system === 'ntmobile' && metric !== 'packets')
    .flatMap(({ metric, frameBytes, value }) =>
      figures
        .filter((other) => other.system !== 'ntmobile' && other.metric === metric && other.frameBytes === frameBytes)
        .map((other) => ({ metric, frameBytes, of: 'ntmobile', to: other.system, value: value / other.value })),
    );
  return { figures, ratios };
}

async function measureInTurn(systems, dir, load, bytes, seconds) {
  const measured = {};
  for (const [system, start] of systems) {
    const forwarder = await start(mkdtempSync(join(dir, system)));
    measured[system] = await measure(load, forwarder, bytes, Math.max(1, seconds / ROUNDS));
    await forwarder.close();
  }
  return measured;
}

function medians(rounds) {
  const best = Math.max(...rounds.map(({ packetsPerCpuSecond }) => packetsPerCpuSecond));
  const of = (name) => median(rounds.map((round) => round[name]));
  return { best, ...Object.fromEntries(Object.keys(rounds[0]).map((name) => [name, of(name)])) };
}

async function measure(loader, { pid, target, paths }, bytes, seconds) {
  const load = spawn(loader, [target.port, bytes, WINDOW, ...paths.flat()].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: load.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const now = async () => {
    load.stdin.write('\n');
    return { arrived: Number((await lines.next()).value), cpuMs: cpuMs(pid), atMs: performance.now() };
  };
  await sleep(0.5); // until code is compiled
  const before = await now();
  await sleep(seconds);
  const after = await now();
  load.kill();
  await once(load, 'exit');
  const packets = after.arrived - before.arrived;
  const [userMs, systemMs] = after.cpuMs.map((ms, i) => ms - before.cpuMs[i]);
  const busySeconds = (userMs + systemMs) / 1000;
  const lastedSeconds = (after.atMs - before.atMs) / 1000;
  return {
    packetsPerSecond: packets / lastedSeconds,
    packetsPerCpuSecond: packets / busySeconds,
    cores: busySeconds / lastedSeconds,
    userUs: (userMs * 1000) / packets,
    systemUs: (systemMs * 1000) / packets,
  };
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Of a process and its children: [user, system]. */
function cpuMs(pid) {
  const [user, system] = statOf(pid)
    .slice(11, 13)
    .map((ticks) => Number(ticks) * TICK_MS);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
  return children.map(cpuMs).reduce(([u, s], [ofUser, ofSystem]) => [u + ofUser, s + ofSystem], [user, system]);
}

/** Fields from the third on: the second is a name, in parentheses, with whatever in it. */
function statOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

async function startRelay(dir, workers, profile) {
  const coordinator = await startCoordinator();
  const key = execFileSync(process.execPath, [cli, 'key', '--dir', dir]).toString().trim();
  coordinator.trust(Buffer.from(key, 'base64url'));
  const target = { address: '127.0.0.1', port: await freePort() };
  const config = join(dir, 'rs.jsonc');
  const of = {
    zone: 'bench.internal',
    endpoint: coordinator.endpoint,
    key: Buffer.from(coordinator.publicKey).toString('base64url'),
  };
  const limits = { bytesPerSecond: 1e12, capacityBytesPerSecond: 1e12 };
  writeFileSync(
    config,
    JSON.stringify({
      dir,
      name: 'rs',
      listen: `127.0.0.1:${target.port}`,
      coordinator: of,
      limits,
      drainSeconds: 1,
      workers,
    }),
  );
  const args = [
    ...(profile ? ['--cpu-prof', '--cpu-prof-dir', profile] : []),
    cli,
    'serve',
    'rs',
    '--config',
    config,
    '--json',
  ];
  const { child } = await started(process.execPath, args);
  const paths = [];
  for (let i = 0; i < PATHS; i++) paths.push(await coordinator.path());
  return {
    ...{ pid: child.pid, target, paths },
    async close() {
      child.kill();
      await once(child, 'exit');
      coordinator.close();
    },
  };
}

const hex16 = (number) => number.toString(16).padStart(4, '0');

async function startRaw(file, args) {
  const { child, line } = await started(file, args);
  return {
    ...{ pid: child.pid, target: { address: '127.0.0.1', port: JSON.parse(line).port } },
    paths: Array.from({ length: PATHS }, (_, i) => [`ff${hex16(i)}00`, `ff${hex16(i)}01`, '-']),
    async close() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function started(file, args) {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error(`${file} ${args.join(' ')} did not start`);
  return { child, line: value };
}

function compile(name, dir) {
  const file = join(dir, name);
  execFileSync('cc', ['-O2', '-o', file, join(import.meta.dirname, `relay/${name}.c`)]);
  return file;
}

async function freePort() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
