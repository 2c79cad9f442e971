/** A server that runs by itself, as the command and the metrics see it. */
import type { Watch } from '../host';
import type { Kind, Settings } from './settings';

/** One figure for Prometheus. Counters begin at 0 with the process. */
export interface Figure {
  /** Without the prefix `ntmobile_`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ServedServer<K extends Kind = Kind> {
  /** For the person who starts it: what it serves and where. */
  readonly about: Readonly<Record<string, string>>;
  figures(): Figure[];
  /** Why it cannot do its work now; undefined when all is well. */
  ailment(): string | undefined;
  /** SIGHUP: takes what may change while it runs (`liveSettings`) from these settings, and keeps the rest as it is. */
  reload?(settings: Settings<K>): void | Promise<void>;
  /** Gracefully: those who use it are told first, where they can be. */
  close(): Promise<void>;
}

export interface ServeContext extends Watch {
  /** What a person should know: a warning, said once. */
  log(message: string, more?: object): void;
  /** Aborted when the server shall end before it has started. */
  readonly stop: AbortSignal;
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
