/** The trace as NDJSON: one event a line, `t` in milliseconds since the Unix epoch, with fractions. */
import { openSync, writeSync } from 'node:fs';
import { nodeClock } from './runtime-node';
import type { Trace } from './trace';

/** Appends to `path`, which several processes may share. A trace that cannot be written never stops the program. */
export function openTraceFile(path: string): Trace {
  let file: number;
  try {
    file = openSync(path, 'a', 0o600);
  } catch (error) {
    process.emitWarning(`ntmobile: NTMOBILE_TRACE cannot be opened: ${(error as Error).message}`);
    return () => {};
  }
  return (event) => {
    const t = Math.round(nodeClock.wallTimeMs() * 1000) / 1000;
    try {
      writeSync(file, `${JSON.stringify({ t, ...event })}\n`);
    } catch {
      // a full disk loses the trace, not the program
    }
  };
}
