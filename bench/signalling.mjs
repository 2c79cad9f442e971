/**
 * npm run bench -- signalling [--trials 100]: the paper's Table 4, on a LAN of namespaces, with two DCs of different zones
 * (served-network.mjs), without and with NS. The paper's figures stand beside ours. Its LAN has 1.4 ms to a node and back,
 * ours some 0.05.
 *
 * A trial is a login, a registration and a tunnel, once with the nodes' traces, which tell how long each step takes, and
 * once without, for the tunnel as a whole: writing a trace takes its time, too. In the trials the two DCs know each other; what it takes when they
 * meet for the first time is measured apart, with a DC_MN that has just been started.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lan } from './lan.mjs';
import { ServedNetwork } from './served-network.mjs';
import { estimates } from './trips.mjs';

const require = createRequire(import.meta.url);
const dist = join(import.meta.dirname, '..', 'dist');
const { hashPassword, verifyPassword } = require(join(dist, 'servers/account/password.js'));
const { nodeRandom } = require(join(dist, 'core/runtime-node.js'));

const FIRST_MEETINGS = 10;

/** Table 4: min, avg, max in milliseconds. */
const paper = {
  authentication: [152.0, 179.1, 226.6],
  'registration without NS': [57.4, 64.7, 71.3],
  'registration with NS': [172.3, 194.6, 233.5],
  'notification registration': [48.9, 55.1, 63.4],
  'tunnel without NS': [137, 169, 191],
  'direction without NS': [112.0, 134.6, 151.8],
  'tunnel request without NS': [13.8, 29.3, 45.5],
  'tunnel with NS': [170, 197, 226],
  'direction with NS': [133.5, 154.3, 174.2],
  'tunnel request with NS': [13.8, 29.3, 45.5],
};

/** `notification`: without NS, with NS, or one of them. */
export async function bench({ trials = 100, firstMeetings = FIRST_MEETINGS, notification = [false, true] } = {}) {
  const rows = {};
  for (const notified of notification) {
    const measuredRows = await measured({ notified, trials, firstMeetings });
    for (const [name, values] of Object.entries(measuredRows)) rows[name] = [...(rows[name] ?? []), ...values];
  }
  return { rows: summarized(rows), ...(await estimates()) };
}

async function measured({ notified, trials, firstMeetings }) {
  const hosts = ['as', 'dc0', 'dc1', 'ns0', 'ns1', 'mn', 'cn'];
  const lan = new Lan(hosts);
  const accounts = { alice: 'mn.bench', bob: 'cn.bench', carol: 'cn.bench' };
  const network = new ServedNetwork(lan, { zones: ['mn.bench', 'cn.bench'], ns: notified, accounts });
  try {
    await network.start();
    await node(network, 'cn', { login: network.loginOf('bob'), notified, trace: network.file('cn.trace') });
    await node(network, 'cn', { login: network.loginOf('carol'), notified });
    const mn = await node(network, 'mn', {
      ...{ login: network.loginOf('alice'), notified, trace: network.file('mn.trace') },
      correspondents: { traced: network.fqdnOf('bob'), untraced: network.fqdnOf('carol') },
    });
    const half = async (isTraced) => {
      mn.send({ isTraced });
      const [outcome] = await once(mn, 'message');
      await sleep(20); // the servers hear that this node has left
      return outcome;
    };
    const trial = async () => ({ ...(await half(true)), ...(await half(false)) });
    await trial(); // the first one compiles
    const all = [];
    const hashes = [];
    for (let i = 0; i < trials; i++) {
      all.push(await trial());
      hashes.push(await hashMs());
    }
    const requests = spansOf(network.file('cn.trace'), ['send', 17], ['receive', 18]).slice(-trials);
    const first = [];
    for (let i = 0; i < firstMeetings; i++) {
      await network.stopServer('dc0');
      await network.startServer('dc0');
      if (notified) await network.stopServer('ns0');
      if (notified) await network.startServer('ns0'); // which reports itself at once, and not after some seconds
      first.push(await half(false));
    }
    const suffix = notified ? 'with NS' : 'without NS';
    const of = (name) => all.map((each) => each[name]);
    return {
      ...{ authentication: of('authentication'), 'password hash': hashes },
      ...{ [`registration ${suffix}`]: of('registration') },
      ...(notified && { 'notification registration': of('notificationRegistration') }),
      ...{ [`tunnel ${suffix}`]: of('tunnel'), [`direction ${suffix}`]: of('direction') },
      ...{ [`tunnel request ${suffix}`]: requests },
      ...(firstMeetings && { [`tunnel ${suffix}, first meeting`]: first.map(({ tunnel }) => tunnel) }),
    };
  } finally {
    await network.close();
    lan.close();
  }
}

async function node(network, host, settings) {
  const program = join(import.meta.dirname, 'signalling-node.mjs');
  const child = network.spawn(host, [program, JSON.stringify(settings)], { ipc: true });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${host} ended: ${child.errors}`)));
  await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => {}); // at the end it is stopped
  return child;
}

/** What authentication cannot do without, on this machine at this moment. */
async function hashMs() {
  stored ??= await hashPassword('correct horse', nodeRandom);
  const begunMs = performance.now();
  await verifyPassword('correct horse', stored);
  return performance.now() - begunMs;
}
let stored;

/** From one step of Figure 5 to another, as often as they are in a trace. */
function spansOf(file, from, to) {
  const spans = [];
  let since;
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const { t, figure, event, step } = JSON.parse(line);
    if (figure !== 5) continue;
    if (event === from[0] && step === from[1]) since ??= t;
    if (event !== to[0] || step !== to[1] || since === undefined) continue;
    spans.push(t - since);
    since = undefined;
  }
  return spans;
}

function summarized(rows) {
  return Object.entries(rows).map(([name, values]) => {
    const sorted = values.toSorted((a, b) => a - b);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const median = sorted[Math.floor(sorted.length / 2)];
    return { name, count: values.length, min: sorted[0], avg: mean, median, max: sorted.at(-1), paper: paper[name] };
  });
}

export function print({ rows, trips, delays }) {
  const write = (text) => process.stdout.write(`${text}\n`);
  const cell = (value) => (value === undefined ? '' : value.toFixed(1)).padStart(8);
  write(`\nms${''.padEnd(38)}     min     avg  median     max   paper:  min     avg     max   ours/paper`);
  for (const { name, min, avg, median, max, paper: theirs = [], count } of rows) {
    const ratio = theirs[1] ? (avg / theirs[1]).toFixed(3) : '';
    write(
      `${`${name} (${count})`.padEnd(38)}${[min, avg, median, max].map(cell).join('')}    ${theirs.map(cell).join('')}   ${ratio}`,
    );
  }
  write('\none-way trips that follow each other in the construction of a tunnel');
  for (const [name, counts] of Object.entries(trips)) {
    const shown = Object.entries(counts)
      .filter(([, n]) => n > 0)
      .map(([link, n]) => `${link} ${n}`);
    write(`  ${name.padEnd(44)} ${shown.join(', ')}: with the paper's delays ${delays[name].toFixed(0)} ms`);
  }
}

export function toRecord({ rows, trips, delays }) {
  const figures = rows.flatMap(({ name, min, avg, median, max, paper: theirs }) => [
    ...Object.entries({ min, avg, median, max }).map(([what, value]) =>
      figure('ntmobile', `${name}, ${what}`, 'ms', value),
    ),
    ...(theirs ?? []).map((value, i) => figure('paper', `${name}, ${['min', 'avg', 'max'][i]}`, 'ms', value)),
  ]);
  for (const [name, counts] of Object.entries(trips)) {
    const system = name === PAPER ? 'paper' : 'ntmobile';
    const what = name === PAPER ? '' : ` (${name})`;
    const sum = Object.values(counts).reduce((a, b) => a + b, 0);
    figures.push(figure(system, `sequential one-way trips${what}`, 'trips', sum));
    for (const [link, n] of Object.entries(counts))
      figures.push(figure(system, `sequential trips ${link}${what}`, 'trips', n));
    figures.push(figure(system, `tunnel with the paper's delays${what}`, 'ms', delays[name]));
  }
  const ratios = rows
    .filter((row) => row.paper)
    .map(({ name, avg, paper: theirs }) => ({
      metric: `${name}, avg`,
      of: 'ntmobile',
      to: 'paper',
      value: avg / theirs[1],
    }));
  const averageOf = (wanted) => rows.find(({ name }) => name === wanted).avg;
  const value = averageOf('authentication') / averageOf('password hash');
  ratios.push({ metric: 'authentication, avg', of: 'ntmobile', to: 'password hash', value });
  return { figures, ratios };
}

const PAPER = 'paper';
const figure = (system, metric, unit, value) => ({ system, metric, unit, value });
