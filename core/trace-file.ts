/**
 * NTMOBILE_TRACE: trace events appended to a file as NDJSON, each with `t`, milliseconds since the Unix epoch.
 * Written synchronously and one line at a time, so that processes which share the file do not mix their lines
 * (O_APPEND) and a killed process loses nothing. A file that cannot be written ends the trace, never the program.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Clock } from './runtime';
import type { Trace } from './trace';

export interface TraceFile {
  readonly trace: Trace;
  close(): void;
}

/** `onFailure` is called once at most: the file cannot be opened or written, and the trace ends. */
export function openTraceFile(path: string, clock: Clock, onFailure: (error: Error) => void = () => {}): TraceFile {
  let file: number | undefined;
  const attempt = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      close();
      onFailure(error as Error);
    }
  };
  const close = (): void => {
    const open = file;
    file = undefined;
    if (open !== undefined) closeSync(open);
  };
  attempt(() => (file = openSync(path, 'a', 0o600)));
  return {
    trace: (event) => {
      const open = file;
      if (open === undefined) return;
      attempt(() => {
        const t = Math.round(clock.wallTimeMs() * 1000) / 1000;
        writeSync(open, `${JSON.stringify({ t, ...event })}\n`);
      });
    },
    close,
  };
}
