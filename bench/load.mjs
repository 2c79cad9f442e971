/**
 * npm run bench -- load [--nodes 1000,10000,100000]: what one DC process carries, and what a node costs it. Real servers
 * (`ntmobile serve`) on loopback, the nodes in another process (load/generator.mjs). "Per core" is per second of the
 * server's own processor time, since the two share the machine. Relayed packets are what bench/relay.mjs measures.
 *
 * Logins are the real AS's; the sessions of so many nodes are distributed by the generator, with the AS's key.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loopback } from './lan.mjs';
import { Inspected } from './load/inspected.mjs';
import { benchRelay } from './relay.mjs';
import { cpuMs, password, ServedNetwork } from './served-network.mjs';

const ZONE = 'load.bench';
const LOGINS = 24;
const CPU_GRAIN_MS = 10;
/** Enough for V8 to have compiled what is measured. */
const WARM_UP_SECONDS = 2;
/** A DC remembers what it has answered for ten seconds (core/wire/answers.ts): that is no part of a node. */
const ANSWERS_SECONDS = 11;

/** `relay`: seconds for which each of the relay's figures is measured in each round, or nothing. */
export async function bench({
  nodes = [1_000, 10_000, 100_000],
  seconds = 5,
  settleSeconds = ANSWERS_SECONDS,
  relay = 1,
  logins: loginCount = LOGINS,
  ns = false,
  profile,
} = {}) {
  const relayed = relay ? await benchRelay({ seconds: relay, only: 'rs' }) : [];
  const loaded = new LoadedNetwork();
  try {
    await loaded.start({ ns, nodes: Math.max(...nodes) });
    const logins = await loaded.run({ do: 'logins', to: loginCount, atOnce: 4 }, 'as');
    const empty = await loaded.inspected.memory();
    const sizes = [];
    for (const [i, count] of nodes.entries()) {
      const from = nodes[i - 1] ?? 0;
      const task = { from, to: count };
      const [sessions, registrations] = [
        await loaded.run({ do: 'sessions', ...task }),
        await loaded.run({ do: 'registrations', ...task }),
      ];
      const keepAlives = await loaded.run({ do: 'keepAlives', to: Math.min(count, 20_000) });
      await loaded.run({ do: 'directions', among: count, seconds: Math.min(seconds, WARM_UP_SECONDS) });
      if (profile) await loaded.inspected.startProfile();
      const directions = await loaded.run({ do: 'directions', among: count, seconds });
      if (profile) {
        const file = join(profile, `load-${count}.cpuprofile`);
        writeFileSync(file, JSON.stringify(await loaded.inspected.stopProfile()));
      }
      await loaded.forgetsAnswers(settleSeconds, count);
      const memory = await loaded.inspected.memory();
      const perNode = { rss: (memory.rss - empty.rss) / count, heap: (used(memory) - used(empty)) / count };
      sizes.push({ count, sessions, registrations, keepAlives, directions, perNode, rss: memory.rss });
    }
    return { logins, sizes, relayed };
  } finally {
    await loaded.close();
  }
}

/** V8's heap, and the buffers outside of it. */
const used = ({ heapUsed, external }) => heapUsed + external;

class LoadedNetwork {
  async start({ ns, nodes }) {
    const flags = ['--inspect=127.0.0.1:0'];
    this.network = new ServedNetwork(loopback, { zones: [ZONE], ns, accounts: { alice: ZONE }, flags, nodes });
    await this.network.start();
    this.inspected = await Inspected.of(this.network.inspectorOf('dc0'));
    const secret = readFileSync(join(this.network.dirOf('as'), 'server.key'), 'utf8').trim();
    const settings = {
      ...{ zone: ZONE, accountServerSecret: secret, coordinatorKey: this.network.keyOf('dc0') },
      ...{ accountServer: this.network.endpointOf('as'), coordinator: this.network.endpointOf('dc0') },
      ...{ account: 'alice', password },
    };
    const program = join(import.meta.dirname, 'load', 'generator.mjs');
    this.generator = this.network.spawn('mn', [program, JSON.stringify(settings)], { ipc: true });
    this.ended = once(this.generator, 'exit').then(() => {
      throw new Error(`the generator ended: ${this.generator.errors}`);
    });
    this.ended.catch(() => {}); // at the end it is stopped
    await this.#answer();
  }

  /** What the generator did, with the processor time that a server took for it. */
  async run(task, server = 'dc0') {
    const pid = this.network.pidOf(server);
    const beforeMs = cpuMs(pid);
    this.generator.send(task);
    const outcome = await this.#answer();
    if (outcome.error) throw new Error(`${task.do}: ${outcome.error}`);
    if (outcome.failed > 0) throw new Error(`${task.do}: ${outcome.failed} of them failed: ${outcome.why}`);
    const cpuSeconds = Math.max(cpuMs(pid) - beforeMs, CPU_GRAIN_MS) / 1000;
    return { ...outcome, cpuSeconds, perCore: outcome.count / cpuSeconds };
  }

  async forgetsAnswers(seconds, count) {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    await this.run({ do: 'keepAlives', to: Math.min(count, 64) });
  }

  async close() {
    this.inspected?.close();
    await this.network?.close();
  }

  async #answer() {
    const [message] = await Promise.race([once(this.generator, 'message'), this.ended]);
    return message;
  }
}

const whole = (value) => Math.round(value).toLocaleString('en');

export function print({ logins, sizes, relayed }) {
  const write = (text) => process.stdout.write(`${text}\n`);
  const row = (name, { perSecond, perCore, p50Ms, p99Ms }) =>
    write(
      `  ${name.padEnd(14)}${whole(perSecond).padStart(9)} a second${whole(perCore).padStart(9)} per core` +
        `   p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
    );
  write('\nAS');
  row('logins', logins);
  for (const { count, perNode, rss, ...measured } of sizes) {
    write(`\nDC with ${whole(count)} nodes, ${whole(rss / 1e6)} MB`);
    for (const name of ['sessions', 'registrations', 'keepAlives', 'directions']) row(name, measured[name]);
    write(`  a node takes ${whole(perNode.rss)} bytes of the process, ${whole(perNode.heap)} of them in use`);
  }
  for (const { bytes, packetsPerSecond, packetsPerCpuSecond } of relayed) {
    const rates = `${whole(packetsPerSecond).padStart(9)} a second${whole(packetsPerCpuSecond).padStart(9)} per core`;
    write(`\nRS, frames of ${bytes} bytes\n  ${'packets'.padEnd(14)}${rates}`);
  }
}

export function toRecord({ logins, sizes }) {
  const figures = [figure('logins', '1/s', logins.perSecond), figure('logins per core', '1/s', logins.perCore)];
  for (const { count: nodes, perNode, rss, ...measured } of sizes) {
    for (const [name, { perSecond, perCore, p50Ms, p99Ms }] of Object.entries(measured)) {
      figures.push(figure(name, '1/s', perSecond, nodes), figure(`${name} per core`, '1/s', perCore, nodes));
      figures.push(figure(`${name}, p50`, 'ms', p50Ms, nodes), figure(`${name}, p99`, 'ms', p99Ms, nodes));
    }
    figures.push(figure('bytes per registered node (RSS)', 'B', perNode.rss, nodes));
    figures.push(figure('bytes per registered node (heap and buffers)', 'B', perNode.heap, nodes));
    figures.push(figure('RSS of the DC', 'B', rss, nodes));
  }
  return { figures, ratios: growth(figures) };
}

/** How each figure grows with the number of nodes: of the larger over the smaller. */
function growth(figures) {
  return figures.flatMap((each, i) => {
    const smaller = figures.slice(0, i).findLast(({ metric }) => metric === each.metric);
    if (!smaller) return [];
    const [of, to] = [`${each.nodes} nodes`, `${smaller.nodes} nodes`];
    return [{ metric: each.metric, of, to, value: each.value / smaller.value }];
  });
}

const figure = (metric, unit, value, nodes) => ({ system: 'ntmobile', metric, unit, value, ...(nodes && { nodes }) });
