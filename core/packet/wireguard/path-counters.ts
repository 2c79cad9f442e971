/** What went over each path of a tunnel. */
import { samePath, type Path } from '../path';

export interface Counters {
  sentPackets: number;
  /** Of inner packets, without padding and headers. */
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
}

/** Of more, the one that came first is forgotten. */
const PATHS_LIMIT = 8;

interface Row {
  readonly path: Path;
  readonly counters: Counters;
}

export function noTraffic(): Counters {
  return { sentPackets: 0, sentBytes: 0, receivedPackets: 0, receivedBytes: 0 };
}

export function countSent(counters: Counters, bytes: number): void {
  counters.sentPackets += 1;
  counters.sentBytes += bytes;
}

export function countReceived(counters: Counters, bytes: number): void {
  counters.receivedPackets += 1;
  counters.receivedBytes += bytes;
}

export class PathCounters {
  private readonly all: Row[] = [];
  private last: Row | undefined;

  /** Those of this path; packets come in trains, so most often the same as before. */
  of(path: Path): Counters {
    if (this.last?.path !== path) this.last = this.find(path);
    return this.last.counters;
  }

  [Symbol.iterator](): IterableIterator<Row> {
    return this.all.values();
  }

  private find(path: Path): Row {
    const known = this.all.find((row) => samePath(row.path, path));
    if (known) return known;
    const row = { path, counters: noTraffic() };
    this.all.push(row);
    if (this.all.length > PATHS_LIMIT) this.all.shift();
    return row;
  }
}
