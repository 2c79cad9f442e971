/**
 * Cached items that this node has taken, beside its key in NTMOBILE_STATE_DIR (0600): a line each, appended and synced
 * before the cache server is told, so that no item is taken twice, also by a later process. A line:
 *
 *   Unix time in ms until which it is remembered, space, SHA-256 of sender and id in hex
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { TakenItems } from './cache/contract';
import type { Clock } from './runtime';

/** Beyond this the ones that end first are forgotten: 32 MB of memory. */
const LIMIT = 200_000;
const LINE = /^(\d{1,16}) ([0-9a-f]{64})$/;

export class TakenItemsFile implements TakenItems {
  private known: Map<string, number> | undefined;
  private failed = false;

  /** `onFailure` is told once when the file cannot be written; items are then remembered by this process only. */
  constructor(
    private readonly path: string,
    private readonly clock: Clock,
    private readonly onFailure: (error: Error) => void,
  ) {}

  has(from: string, id: string): boolean {
    return this.load().has(digestOf(from, id));
  }

  add(from: string, id: string, untilMs: number): void {
    const known = this.load();
    const digest = digestOf(from, id);
    if (known.has(digest)) return;
    known.set(digest, Math.floor(untilMs));
    try {
      if (known.size > LIMIT) this.rewrite(known);
      else this.append(`${Math.floor(untilMs)} ${digest}\n`);
    } catch (error) {
      if (!this.failed) this.onFailure(error as Error);
      this.failed = true;
    }
  }

  private load(): Map<string, number> {
    if (this.known) return this.known;
    const text = this.read();
    const lines = text.split('\n').slice(0, -1); // the last one is empty, or was cut by a crash
    const now = this.clock.wallTimeMs();
    const entries = lines.flatMap((line): [string, number][] => {
      const [, untilMs, digest = ''] = LINE.exec(line) ?? [];
      return untilMs !== undefined && Number(untilMs) > now ? [[digest, Number(untilMs)]] : [];
    });
    this.known = new Map(entries);
    if (entries.length < lines.length || (text !== '' && !text.endsWith('\n'))) this.tidy(this.known);
    return this.known;
  }

  private read(): string {
    try {
      return readFileSync(this.path, 'latin1');
    } catch {
      return ''; // there is none yet
    }
  }

  private tidy(known: Map<string, number>): void {
    try {
      this.rewrite(known);
    } catch {
      // the next `add` says so
    }
  }

  private append(line: string): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const file = openSync(this.path, 'a', 0o600);
    try {
      writeSync(file, line);
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** Whole or not at all, also after a crash. */
  private rewrite(known: Map<string, number>): void {
    const kept = [...known].sort(([, a], [, b]) => b - a).slice(0, (LIMIT * 3) / 4);
    for (const digest of [...known.keys()]) known.delete(digest);
    for (const [digest, untilMs] of kept) known.set(digest, untilMs);
    const draft = `${this.path}.${process.pid}`;
    writeFileSync(draft, kept.map(([digest, untilMs]) => `${untilMs} ${digest}\n`).join(''), {
      mode: 0o600,
      flush: true,
    });
    renameSync(draft, this.path);
  }
}

function digestOf(from: string, id: string): string {
  return createHash('sha256').update(`${id} ${from}`).digest('hex');
}
