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
  /** When something authentic last came this way, on the clock. */
  lastReceivedMs: number;
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

  sent(path: Path, bytes: number): void {
    countSent(this.of(path).counters, bytes);
  }

  received(path: Path, bytes: number, nowMs: number): void {
    const row = this.of(path);
    countReceived(row.counters, bytes);
    row.lastReceivedMs = nowMs;
  }

  /** -Infinity of a path that nothing came by. */
  lastReceivedMs(path: Path): number {
    return this.all.find((row) => samePath(row.path, path))?.lastReceivedMs ?? -Infinity;
  }

  [Symbol.iterator](): IterableIterator<Row> {
    return this.all.values();
  }

  /** Packets come in trains, so most often the same as before. */
  private of(path: Path): Row {
    if (this.last?.path !== path) this.last = this.find(path);
    return this.last;
  }

  private find(path: Path): Row {
    const known = this.all.find((row) => samePath(row.path, path));
    if (known) return known;
    const row = { path, counters: noTraffic(), lastReceivedMs: -Infinity };
    this.all.push(row);
    if (this.all.length > PATHS_LIMIT) this.all.shift();
    return row;
  }
}
