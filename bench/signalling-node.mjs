/**
 * A node of the signalling benchmark: node signalling-node.mjs SETTINGS, where SETTINGS is { login, trace, notified }. CN
 * logs in and stays. MN, which has { correspondents }, logs in and constructs a tunnel for each message that comes over
 * IPC, and answers what it took by its own clock, in milliseconds: a trial without a trace, the tunnel; one with it, each
 * step. The trace is written line by line, at once, which takes a millisecond of a tunnel's construction.
 */
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const { login } = require(join(import.meta.dirname, '..', 'dist', 'core', 'ntmobile.js'));
const { login: settings, trace, correspondents, notified } = JSON.parse(process.argv[2]);

const PATIENCE_MS = 20_000;
/** The registration at the NS and the first keep alive are no part of what follows. */
const SETTLING_MS = 40;

/** The trace of this trial, once it has what is waited for: a node's trace is written at once. */
async function traced(event, figure, step) {
  for (const begunMs = performance.now(); performance.now() - begunMs < PATIENCE_MS;) {
    const lines = readFileSync(trace, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const found = lines.find((line) => line.event === event && line.figure === figure && line.step === step);
    if (found) return lines;
    await sleep(1);
  }
  throw new Error(`there was no ${event} of figure ${figure} step ${step}`);
}

function span(lines, from, to) {
  const timeOf = ([event, figure, step]) =>
    lines.find((line) => line.event === event && line.figure === figure && line.step === step).t;
  return timeOf(to) - timeOf(from);
}

async function tracedTrial() {
  rmSync(trace, { force: true });
  const node = await login({ ...settings, NTMOBILE_TRACE: trace });
  const registered = ['receive', 4, notified ? 15 : 12];
  const joined = await traced(...registered);
  await sleep(SETTLING_MS);
  await node.resolve(correspondents.traced);
  const constructed = await traced('receive', 5, 15);
  node.close();
  return {
    authentication: span(joined, ['login', 4, 1], ['receive', 4, 8]),
    registration: span(joined, ['send', 4, 9], registered),
    ...(notified && { notificationRegistration: span(joined, ['receive', 4, 12], ['receive', 4, 15]) }),
    direction: span(constructed, ['send', 5, 2], ['receive', 5, 15]),
  };
}

async function untracedTrial() {
  const node = await login(settings);
  await sleep(SETTLING_MS);
  const begunMs = performance.now();
  await node.resolve(correspondents.untraced);
  const tunnel = performance.now() - begunMs;
  node.close();
  return { tunnel };
}

process.on('disconnect', () => process.exit());
if (correspondents) {
  process.on('message', async ({ isTraced }) => process.send(await (isTraced ? tracedTrial() : untracedTrial())));
} else {
  await login({ ...settings, NTMOBILE_TRACE: trace });
  if (trace) await traced('receive', 4, notified ? 15 : 12);
}
process.send('ready');
