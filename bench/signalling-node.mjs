/**
 * A node of the signalling benchmark: node signalling-node.mjs SETTINGS, where SETTINGS is { login, trace } and, for MN,
 * { correspondent, trials, notified }. CN logs in and stays. MN logs in and constructs a tunnel, as often as there are
 * trials, and prints what each step took by its own clock, in milliseconds.
 */
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const { login } = require(join(import.meta.dirname, '..', 'dist', 'core', 'ntmobile.js'));
const { login: settings, trace, correspondent, trials = 0, notified } = JSON.parse(process.argv[2]);

/** The trace of this trial, once it has what is waited for: a node's trace is written at once. */
async function traced(event, figure, step) {
  for (;;) {
    const lines = readFileSync(trace, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const found = lines.find((line) => line.event === event && line.figure === figure && line.step === step);
    if (found) return lines;
    await sleep(1);
  }
}

function span(lines, from, to) {
  const timeOf = ([event, figure, step]) =>
    lines.find((line) => line.event === event && line.figure === figure && line.step === step).t;
  return timeOf(to) - timeOf(from);
}

async function trial() {
  rmSync(trace, { force: true });
  const node = await login({ ...settings, NTMOBILE_TRACE: trace });
  const registered = ['receive', 4, notified ? 15 : 12];
  const joined = await traced(...registered);
  await sleep(20); // its first keep alive is no part of what follows
  const begunMs = performance.now();
  await node.resolve(correspondent);
  const tunnel = performance.now() - begunMs;
  const constructed = await traced('receive', 5, 15);
  node.close();
  return {
    authentication: span(joined, ['login', 4, 1], ['receive', 4, 8]),
    registration: span(joined, ['send', 4, 9], registered),
    ...(notified && { notificationRegistration: span(joined, ['receive', 4, 12], ['receive', 4, 15]) }),
    tunnel,
    direction: span(constructed, ['send', 5, 2], ['receive', 5, 15]),
  };
}

setInterval(() => {}, 60_000); // a node by itself keeps no program running
if (correspondent === undefined) {
  const node = await login({ ...settings, NTMOBILE_TRACE: trace });
  await traced('receive', 4, notified ? 15 : 12);
  process.stdout.write(`ready as ${node.fqdn}\n`);
  await new Promise(() => {});
}
for (let i = 0; i < trials; i++) {
  process.stdout.write(`trial ${JSON.stringify(await trial())}\n`);
  await sleep(20); // the servers hear that this node has left
}
process.exit();
