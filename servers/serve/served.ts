/** A server that runs by itself, as the command and the metrics see it. */
import type { Trace } from '../../core/trace';

/** One figure for Prometheus. Counters begin at 0 with the process. */
export interface Figure {
  /** Without the prefix `ntmobile_`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ServedServer {
  /** For the person who starts it: what it serves and where. */
  readonly about: Readonly<Record<string, string>>;
  figures(): Figure[];
  /** Why it cannot do its work now; undefined when all is well. */
  ailment(): string | undefined;
  /** Gracefully: those who use it are told first, where they can be. */
  close(): Promise<void>;
}

export interface ServeContext {
  readonly trace: Trace;
  log(message: string, more?: object): void;
}

type Drops = Readonly<Record<string, ReadonlyMap<string, number>>>;

/** `where`: signalling, frames, ... */
export function droppedFigures(drops: Drops): Figure[] {
  return Object.entries(drops).flatMap(([where, counts]) =>
    [...counts].map(([reason, value]) => ({
      ...{ name: 'dropped_total', type: 'counter' as const, value, labels: { where, reason } },
      help: 'What was received and not taken, by reason',
    })),
  );
}
