/**
 * One end of a flow that is interrupted by moves: node endpoint.mjs SETTINGS, or the same with Deno. SETTINGS is
 * { role, workload, transport, host, port, impatientMs, certificate }. On standard input come
 * lines { id, fromMs, untilMs }, and each is answered on standard output with the longest gap between arrivals in that
 * time, how many connections broke until now, and how many messages were not what was sent. Where a system's programs are
 * told of moves, a line { moved: true } comes to its client.
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { Recorder } from './recorder.mjs';
import { receiver, send, WORKLOADS } from './workloads.mjs';

const settings = JSON.parse(process.argv[2]);
const { role, transport } = settings;
const workload = WORKLOADS[settings.workload];
const { listen, dial } = await import(`./${transport}.mjs`);
/** A client that is cut off tries again at once, and then more and more seldom. */
const RETRY_MS = { first: 0, then: 100, most: 1_000 };

const recorder = new Recorder();
/** Who has nothing to send asks: QUIC tells the server of a stream with its first byte only. */
const REQUEST = new Uint8Array(1);
let broken = 0;
let wrong = 0;
/** A client's connection. */
let open;
let retryMs = RETRY_MS.first;

function opened(connection, onClose) {
  connection.onData = receiver(workload, (isRight) => {
    recorder.arrived();
    if (!isRight) wrong++;
  });
  const stop = startSending(connection);
  connection.onClose = (error) => {
    stop();
    onClose(error);
  };
}

function startSending(connection) {
  if (workload.senders.includes(role)) return send(connection, workload);
  if (role === 'client') connection.write(REQUEST);
  return () => {};
}

function keepDialling() {
  const again = (error) => {
    if (error) say({ failed: String(error) });
    setTimeout(keepDialling, retryMs);
    retryMs = Math.min(RETRY_MS.most, retryMs * 2 || RETRY_MS.then);
  };
  const connection = dial(settings, () => {
    retryMs = RETRY_MS.first;
    open = connection;
    opened(connection, (error) => {
      broken++;
      say({ broken, reason: String(error) });
      again();
    });
  });
  connection.onClose = again;
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

if (role === 'server') {
  await listen(settings, (connection) => opened(connection, () => {}));
  say({ ready: true });
} else keepDialling();

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, fromMs, untilMs, moved } = JSON.parse(line);
  if (moved) open?.moved?.();
  else say({ id, ...recorder.longestGap(fromMs, untilMs), broken, wrong });
});
process.stdin.on('end', () => process.exit());
