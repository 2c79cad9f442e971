/**
 * node keys.mjs ADDRESS PORT, with mosh-client's MOSH_KEY: types a key each 100 ms, and answers as endpoint.mjs does, of the
 * times when a key's echo came. Keys are letters that mosh's own messages have not.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SESSION_FIRST } from './priority.mjs';
import { Recorder } from './recorder.mjs';
import { WORKLOADS } from './workloads.mjs';

const KEYS = 'QXZJK';
/** A terminal's line has an end. */
const KEYS_IN_A_LINE = 40;

const [address, port] = process.argv.slice(2);
const recorder = new Recorder();
// A terminal has a session of its own.
const command = `${SESSION_FIRST} 2>/dev/null; stty rows 24 cols 80; exec mosh-client ${address} ${port}`;
const terminal = spawn('script', ['-qfc', command, '/dev/null'], {
  env: { ...process.env, MOSH_PREDICTION_DISPLAY: 'never' },
  stdio: ['pipe', 'pipe', 'inherit'],
});
terminal.stdout.setEncoding('latin1').on('data', (text) => {
  if ([...KEYS].some((key) => text.includes(key))) recorder.arrived();
});
terminal.stdin.on('error', () => {});
let ended = 0;
terminal.on('exit', () => (ended = 1));

let typed = 0;
setInterval(() => {
  terminal.stdin.write(++typed % KEYS_IN_A_LINE === 0 ? '\r' : KEYS[typed % KEYS.length]);
}, WORKLOADS.exchange.periodMs);

process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, fromMs, untilMs } = JSON.parse(line);
  const answer = { id, ...recorder.longestGap(fromMs, untilMs), broken: ended, wrong: 0 };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
process.stdin.on('end', () => {
  terminal.kill();
  process.exit();
});
