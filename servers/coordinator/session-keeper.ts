/**
 * Writes sessions to the store: a key before it is acknowledged, all keys that wait at once in one transaction (group
 * commit: while one is written to disk, the next ones gather); where nodes are, and what ended, behind.
 */
import type { Clock, Timer, Timers } from '../../core/runtime';
import type { SessionChange, SessionStore, StoredSession } from '../store/session-store';

/** What is written behind may be lost by a crash for so long. */
const BEHIND_MS = 100;
/** After a write that failed, e.g. on a full disk. */
const RETRY_MS = 1_000;

type Behind = Exclude<SessionChange, { kind: 'keyed' }>;

interface Waiting {
  readonly change: SessionChange;
  written(): void;
  failed(error: Error): void;
}

export class SessionKeeper {
  /** Why the last write failed. */
  failure: string | undefined;
  private keys: Waiting[] = [];
  /** Asked for when they are written, so that of many moves of a node one is; by name, one for each. */
  private behind = new Map<string, () => Behind>();
  private timer: Timer | undefined;
  private dueMs = Infinity;
  private writing: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly store: SessionStore,
    private readonly zone: string,
    private readonly ports: { readonly clock: Clock; readonly timers: Timers },
  ) {}

  /** Resolves once it is on disk. */
  keep(session: StoredSession): Promise<void> {
    return this.atOnce({ kind: 'keyed', session });
  }

  /** The same. */
  keepEnd(fqdn: string, key: Uint8Array): Promise<void> {
    return this.atOnce({ kind: 'ended', fqdn, key });
  }

  /** Takes the place of what this name waited with. */
  later(fqdn: string, change: () => Behind): void {
    this.behind.set(fqdn, change);
    this.writeIn(BEHIND_MS);
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.writing;
    await this.write();
  }

  private atOnce(change: SessionChange): Promise<void> {
    return new Promise((written, failed) => {
      this.keys.push({ change, written, failed });
      this.writeIn(0);
    });
  }

  private writeIn(delayMs: number): void {
    const dueMs = this.ports.clock.now() + delayMs;
    if (this.closed || this.writing || dueMs >= this.dueMs) return;
    this.timer?.cancel();
    this.dueMs = dueMs;
    this.timer = this.ports.timers.schedule(delayMs, () => {
      this.dueMs = Infinity;
      this.writing = this.write().finally(() => {
        this.writing = undefined;
        if (this.keys.length > 0) this.writeIn(0);
        else if (this.behind.size > 0) this.writeIn(this.failure === undefined ? BEHIND_MS : RETRY_MS);
      });
    });
  }

  private async write(): Promise<void> {
    const { keys, behind } = this;
    if (keys.length === 0 && behind.size === 0) return;
    this.keys = [];
    this.behind = new Map();
    const changes = [...keys.map(({ change }) => change), ...[...behind.values()].map((change) => change())];
    try {
      await this.store.write(this.zone, changes);
      this.failure = undefined;
      for (const { written } of keys) written();
    } catch (error) {
      this.failure = `sessions cannot be written: ${(error as Error).message}`;
      for (const { failed } of keys) failed(error as Error);
      // Newer ones count. The keys are not tried again: whoever distributes them is told.
      this.behind = new Map([...behind, ...this.behind]);
    }
  }
}
