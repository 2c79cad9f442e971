/** The signalling of a run, from the trace files of everyone who took part, as lines for a reader. */
import { existsSync, readFileSync } from 'node:fs';

const FIGURES = new Map([
  [4, 'Figure 4, login'],
  [5, 'Figure 5, tunnel construction'],
]);

/** The paper's steps as `{ figure, step, message, from, to, sentMs, receivedMs }`, in the order they were sent. */
export function readSteps(files) {
  const events = files
    .flatMap(readTrace)
    .filter(({ figure, step, event }) => figure && step && (event === 'send' || event === 'receive'))
    .sort((a, b) => a.t - b.t);
  const receipts = new Set(events.filter(({ event }) => event === 'receive'));
  return events
    .filter(({ event }) => event === 'send')
    .map((sent) => {
      const received = [...receipts].find((other) => answers(sent, other));
      receipts.delete(received);
      const { figure, step, message = '', part } = sent;
      const to = received?.part ?? sent.peer ?? '?';
      return { figure, step, message, from: part, to, sentMs: sent.t, receivedMs: received?.t };
    });
}

/** Clocks are one here, yet a receipt may be written within the same fraction of a millisecond as the sending. */
function answers(sent, received) {
  return received.figure === sent.figure && received.step === sent.step && received.t >= sent.t - 1;
}

function readTrace(file) {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

export function stepLines(steps) {
  const startMs = steps[0]?.sentMs ?? 0;
  const width = Math.max(...steps.map(({ from, to }) => from.length + to.length)) + 4;
  return [...FIGURES].flatMap(([figure, title]) => [
    `  ${title}`,
    ...steps.filter((step) => step.figure === figure).map((step) => `  ${stepLine(step, startMs, width)}`),
  ]);
}

function stepLine({ step, message, from, to, sentMs, receivedMs }, startMs, width) {
  const at = `${(sentMs - startMs).toFixed(1)} ms`.padStart(12);
  const took = receivedMs === undefined ? 'not seen to arrive' : `${Math.max(0, receivedMs - sentMs).toFixed(1)} ms`;
  return `${at}  step ${String(step).padStart(2)}  ${`${from} -> ${to}`.padEnd(width)}  ${message}  (${took})`;
}
