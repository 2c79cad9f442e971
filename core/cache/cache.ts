/** Cached items as programs use them (paper 2.5): `put` for a node that may be away, `get` what others have put. */
import type { Timers } from '../runtime';
import { hex } from '../wire/keys';
import type { CachedItem, Opened, PutOptions, PutResult } from './contract';
import type { Postbox } from './postbox';
import { Reader } from './reader';

export type ItemHandler = (item: CachedItem) => unknown;

const BOX = 'items';

export class Cache implements AsyncIterable<CachedItem> {
  private readonly handlers = new Set<ItemHandler>();
  private reader: Reader | undefined;
  private release: (() => void) | undefined;

  constructor(
    private readonly postbox: Postbox,
    private readonly timers: Timers,
    /** Keeps the process until the result is called. */
    private readonly hold: () => () => void,
  ) {}

  /**
   * Stores an item for the node of that name, whether it is there or away. Resolves when the cache server has it on its
   * disk; the node then gets it once. Rejects with NtmError: NTM_NEVER_JOINED (nobody has joined by that name yet, so
   * there is no key to seal it to), NTM_NO_SUCH_NAME, NTM_TOO_LARGE, NTM_CACHE_FULL, NTM_CACHE_UNREACHABLE, ...
   */
  put(fqdn: string, content: Uint8Array | string, { ttlMs, name, type }: PutOptions = {}): Promise<PutResult> {
    if (ttlMs !== undefined && !(Number.isFinite(ttlMs) && ttlMs > 0)) throw new RangeError('ttlMs must be above 0');
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const about = { ...(name !== undefined && { name }), ...(type !== undefined && { type }) };
    return this.held(async () => {
      const wholeMs = ttlMs === undefined ? undefined : Math.ceil(ttlMs);
      const { label, to } = await this.postbox.store(fqdn, { box: BOX, content: bytes, ttlMs: wholeMs, about });
      return { id: hex(label.id), to, expiresMs: label.expiresMs };
    });
  }

  /**
   * The oldest item that was not taken yet, or undefined when there is none: the same one until `taken()` of it was
   * called. Rejects with NtmError when the cache server cannot be asked.
   */
  get(): Promise<CachedItem | undefined> {
    return this.held(async () => {
      const opened = await this.postbox.next([BOX]);
      return opened && this.itemOf(opened);
    });
  }

  /**
   * Calls `handler` with each item, one after the other, as soon as it is there. An item is taken once the handler has
   * returned, or its promise has resolved; one that it throws for comes again after a while.
   */
  on(_event: 'item', handler: ItemHandler): this {
    this.handlers.add(handler);
    this.release ??= this.hold();
    this.reader ??= new Reader(
      this.postbox,
      this.timers,
      () => [BOX],
      (opened) => this.handle(opened),
    );
    return this;
  }

  off(_event: 'item', handler: ItemHandler): this {
    this.handlers.delete(handler);
    if (this.handlers.size === 0) this.close();
    return this;
  }

  /**
   * Items without end, those to come included. An item is taken when the loop asks for the next one; a loop that is left
   * has not taken the last one, unless it called `taken()`.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<CachedItem, void> {
    let isTold = true;
    let wake: (() => void) | undefined;
    const stopListening = this.postbox.listen(() => {
      isTold = true;
      wake?.();
    });
    const release = this.hold();
    try {
      for (;;) {
        if (!isTold) await new Promise<void>((resolve) => (wake = resolve));
        isTold = false;
        let item = await this.nextOrFail();
        for (; item; item = await this.nextOrFail()) {
          yield item;
          await item.taken();
        }
      }
    } finally {
      stopListening();
      release();
    }
  }

  close(): void {
    this.reader?.stop();
    this.reader = undefined;
    this.release?.();
    this.release = undefined;
  }

  private async nextOrFail(): Promise<CachedItem | undefined> {
    try {
      const item = await this.get();
      this.postbox.served();
      return item;
    } catch {
      this.postbox.failed(); // and tells us when it is worth another try
      return undefined;
    }
  }

  private async handle(opened: Opened): Promise<'taken' | undefined> {
    try {
      const item = this.itemOf(opened);
      await Promise.all([...this.handlers].map(async (handler) => handler(item)));
      return 'taken';
    } catch {
      return undefined;
    }
  }

  private itemOf(opened: Opened): CachedItem {
    const { from, id, name, type, sentMs } = opened.label;
    let taken: Promise<void> | undefined;
    return {
      ...{ from, id: hex(id), bytes: opened.content, name, type, sentMs },
      taken: () => (taken ??= this.held(() => this.postbox.finish(opened, 'taken'))),
    };
  }

  private async held<T>(task: () => Promise<T>): Promise<T> {
    const release = this.hold();
    try {
      return await task();
    } finally {
      release();
    }
  }
}
