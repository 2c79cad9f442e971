/** Waits for events in a trace file that another process writes, woken by the file's changes. */
import { existsSync, readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

export type TraceLine = Record<string, unknown>;

/** Whole lines only: the last one may still be under way. */
export function readTrace(file: string): TraceLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as TraceLine);
}

/** By which its servers were reached, one after the other, beside UDP at first (core/reach/detour.ts). */
export function waysIn(events: readonly TraceLine[]): unknown[] {
  return events.flatMap(({ event, way }) => (event === 'way changed' ? [way] : []));
}

/** Whether a program has joined. Programs that ran under its name before have written to the same file. */
export function hasJoined(events: readonly TraceLine[], { startedMs }: { readonly startedMs: number }): boolean {
  return events.some(({ event, t }) => event === 'logged in' && (t as number) >= startedMs);
}

/** Resolves once `wanted` accepts the events so far. */
export async function traced(file: string, wanted: (events: TraceLine[]) => boolean): Promise<TraceLine[]> {
  return new Promise((done, fail) => {
    const look = (): void => {
      try {
        const events = readTrace(file);
        if (!wanted(events)) return;
        watcher.close();
        done(events);
      } catch (error) {
        watcher.close();
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const watcher = watch(dirname(file), (_, name) => {
      if (name === null || name === basename(file)) look();
    });
    look(); // after the watcher is there, so that no change falls between
  });
}
