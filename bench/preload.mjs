/**
 * npm run bench -- preload [--json]: what the preload costs a program that uses no NTMobile name, beside the same
 * program without it, in one run. They take turns, and each round's ratio is of neighbours, so that what else the
 * machine does falls on both. Medians. `control` is a second program without it: how far its ratio is from 1 is what
 * this machine cannot tell apart.
 *
 * start-up     `node -e 0` from its start to its end, and an HTTP server from its start until it listens
 * http server  requests/s over kept connections; CPU time for a request
 * http client  requests/s, each over a connection of its own; CPU time for a request
 * memory       of the server after all of that, after garbage collection
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { commit, machine } from './record.mjs';

const root = join(import.meta.dirname, '..');
const SYSTEMS = { preload: ['-r', join(root, 'dist/preload/register.js')], plain: [], control: [] };
const CONNECTIONS = 16;
const REQUESTS = 4_000;
const CLIENT_REQUESTS = 1_500;
const WARM_UP_ROUNDS = 4;

const program = (name) => join(import.meta.dirname, 'programs', name);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** `seconds`: about how long each of the four is measured. */
export async function benchPreload({ seconds }) {
  const rounds = Math.max(9, Math.round(seconds * 4)) | 1;
  const network = await startNetwork();
  try {
    const measured = [
      await startUp(network.env, rounds),
      await listening(network.env, rounds),
      ...(await http(network.env, rounds)),
    ];
    return report(measured);
  } finally {
    await network.close();
  }
}

async function startNetwork() {
  const dir = mkdtempSync(join(tmpdir(), 'ntmobile-bench-'));
  const up = spawn(process.execPath, [
    join(root, 'dist/cli/main.js'),
    'up',
    '--dir',
    dir,
    '--account',
    'bench:bench',
    '--json',
  ]);
  const [line] = await once(createInterface({ input: up.stdout }), 'line');
  const settings = { NTMOBILE_ACCOUNT: 'bench', NTMOBILE_PASSWORD: 'bench', NTMOBILE_STATE_DIR: join(dir, 'state') };
  return {
    env: { ...process.env, NTMOBILE_AS: JSON.parse(line).as, ...settings },
    async close() {
      up.kill('SIGTERM');
      await once(up, 'exit');
      rmSync(dir, { recursive: true });
    },
  };
}

/** Runs `measure(system)` for all, in turns and in changing order: `{ metric: { system: [value of each round] } }`. */
async function inTurns(rounds, measure) {
  const values = {};
  const order = Object.keys(SYSTEMS);
  for (let round = 0; round < rounds; round++) {
    for (const system of [...order.slice(round % order.length), ...order.slice(0, round % order.length)]) {
      for (const [metric, value] of Object.entries(await measure(system))) {
        ((values[metric] ??= {})[system] ??= []).push(value);
      }
    }
  }
  return values;
}

async function startUp(env, rounds) {
  const values = await inTurns(rounds, async (system) => {
    const startedAt = performance.now();
    await once(spawn(process.execPath, [...SYSTEMS[system], '-e', '0'], { env, stdio: 'ignore' }), 'exit');
    return { elapsedMs: performance.now() - startedAt };
  });
  return { metric: 'start-up', unit: 'ms', better: 'less', values: values.elapsedMs };
}

async function listening(env, rounds) {
  const values = await inTurns(rounds, async (system) => {
    const startedAt = performance.now();
    const server = startServer(system, env, '0.0.0.0');
    await once(server, 'message');
    const elapsedMs = performance.now() - startedAt;
    await stop(server);
    return { elapsedMs };
  });
  return { metric: 'start-up until listening', unit: 'ms', better: 'less', values: values.elapsedMs };
}

async function http(env, rounds) {
  const servers = {};
  const clients = {};
  for (const system of Object.keys(SYSTEMS)) {
    const server = startServer(system, env, '127.0.0.1');
    const [{ port }] = await once(server, 'message');
    servers[system] = { process: server, load: await Load.connect(port), port };
    // A node of its own, as a second program is: two of one name would take the network from each other.
    const clientEnv = { ...env, NTMOBILE_NODE: 'client' };
    clients[system] = fork(program('http-client.cjs'), { env: clientEnv, execArgv: SYSTEMS[system] });
    await once(clients[system], 'message');
  }
  const plainPort = servers.plain.port;

  const askServer = async (system) => {
    const { process: server, load } = servers[system];
    await ask(server, 'report');
    const elapsedMs = await load.run(REQUESTS);
    const { cpuMs } = await ask(server, 'report');
    return { perSecond: (REQUESTS / elapsedMs) * 1000, cpuUs: (cpuMs * 1000) / REQUESTS };
  };
  const askByClient = async (system) => {
    const { elapsedMs, cpuMs } = await ask(clients[system], { port: plainPort, requests: CLIENT_REQUESTS });
    return { perSecond: (CLIENT_REQUESTS / elapsedMs) * 1000, cpuUs: (cpuMs * 1000) / CLIENT_REQUESTS };
  };
  await inTurns(WARM_UP_ROUNDS, askServer);
  const served = await inTurns(rounds * 2, askServer);
  await inTurns(WARM_UP_ROUNDS, askByClient);
  const asked = await inTurns(rounds, askByClient);
  const memory = await inTurns(1, async (system) => ask(servers[system].process, 'memory'));

  for (const { load } of Object.values(servers)) load.close();
  for (const child of [...Object.values(servers).map((each) => each.process), ...Object.values(clients)])
    await stop(child);
  return [
    { metric: 'http server', unit: 'requests/s', better: 'more', values: served.perSecond },
    { metric: 'http server, CPU', unit: 'us/request', better: 'less', values: served.cpuUs },
    { metric: 'http client', unit: 'requests/s', better: 'more', values: asked.perSecond },
    { metric: 'http client, CPU', unit: 'us/request', better: 'less', values: asked.cpuUs },
    { metric: 'memory, resident', unit: 'bytes', better: 'less', values: memory.rss },
    { metric: 'memory, heap', unit: 'bytes', better: 'less', values: memory.heapUsed },
  ];
}

function startServer(system, env, address) {
  return fork(program('http-server.cjs'), [address], { env, execArgv: ['--expose-gc', ...SYSTEMS[system]] });
}

async function ask(child, question) {
  const answer = once(child, 'message');
  child.send(question);
  return (await answer)[0];
}

async function stop(child) {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Kept connections, on each of which a request follows the answer before it. As little work as can be. */
class Load {
  static async connect(port) {
    const sockets = Array.from({ length: CONNECTIONS }, () => connect(port, '127.0.0.1').setNoDelay(true));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    return new Load(sockets);
  }

  constructor(sockets) {
    this.sockets = sockets;
    this.request = Buffer.from('GET / HTTP/1.1\r\nhost: bench\r\n\r\n');
  }

  /** Milliseconds. */
  run(requests) {
    return new Promise((resolve) => {
      const startedAt = performance.now();
      let toSend = requests;
      let toCome = requests;
      const next = (socket) => {
        if (toSend-- > 0) socket.write(this.request);
      };
      for (const socket of this.sockets) {
        socket.removeAllListeners('data').on('data', () => {
          if (--toCome === 0) resolve(performance.now() - startedAt);
          next(socket);
        });
        next(socket);
      }
    });
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
  }
}

/** In the shape that every machine-readable output of this project has. */
function report(measured) {
  const figures = measured.flatMap(({ metric, unit, values }) =>
    Object.entries(values).map(([system, each]) => ({ system, metric, unit, value: median(each) })),
  );
  const ratios = measured.flatMap(({ metric, values }) =>
    ['preload', 'control'].map((of) => ({
      ...{ metric, of, to: 'plain' },
      value: median(values[of].map((value, round) => value / values.plain[round])),
    })),
  );
  return { bench: 'preload', commit: commit(), machine: machine(), figures, ratios };
}

export function printReport({ figures, ratios }) {
  const rounded = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  for (const metric of new Set(ratios.map((ratio) => ratio.metric))) {
    const [ratio, control] = ['preload', 'control'].map((system) =>
      ratios.find((r) => r.metric === metric && r.of === system).value.toFixed(3),
    );
    const [preload, plain] = ['preload', 'plain'].map((system) =>
      figures.find((figure) => figure.metric === metric && figure.system === system),
    );
    const both = `${rounded(preload.value)} with, ${rounded(plain.value)} without, ${plain.unit}`;
    process.stdout.write(`${metric.padEnd(26)} ${both.padEnd(48)} ${ratio} x (control ${control})\n`);
  }
}
