/**
 * One transaction for all that is to be written in one turn of the event loop: with synchronous=FULL each commit waits
 * for the disk, and a server that starts again hears of thousands of nodes at once. Nobody is answered before it.
 */
export class GroupCommit<T, R> {
  private waiting: { readonly write: T; resolve(result: R): void; reject(error: unknown): void }[] = [];

  /** `commit` writes all of it, or throws. */
  constructor(private readonly commit: (writes: readonly T[]) => readonly R[]) {}

  add(write: T): Promise<R> {
    return new Promise((resolve, reject) => {
      // In the check phase: after all datagrams that are there have been read.
      if (this.waiting.push({ write, resolve, reject }) === 1) setImmediate(() => this.flush());
    });
  }

  flush(): void {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    try {
      const results = this.commit(waiting.map(({ write }) => write));
      waiting.forEach(({ resolve }, i) => resolve(results[i]!));
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
