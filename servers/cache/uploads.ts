/**
 * Items on their way into a CS:
 *
 *   asked for --room?--> receiving --last byte, digest right, on disk--> stored
 *                           '---- connection ends, digest wrong, disk full ----> gone
 *
 * A node sends an item's bytes right behind its first question, so an upload is there at once, and what it may have is
 * decided before anything of it is written. Bytes are written in parts of PART_LENGTH.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Clock } from '../../core/runtime';
import { PART_LENGTH, type Chunk } from '../../core/wire/cache-frames';
import { hex } from '../../core/wire/keys';
import type { Body } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { CachedItem, CachedItemStore } from '../store/store';
import type { CacheLimits } from './cache-limits';

/** Of one connection, and of all. */
const UPLOADS_LIMIT = { connection: 8, all: 1_024 };
/** What a node may send ahead of the disk; it asks for how far we are before that. */
const UNWRITTEN_LIMIT_BYTES = 8 * PART_LENGTH;

export type UploadDrop =
  'malformed' | 'unknown transfer' | 'out of place' | 'faster than the disk' | 'damaged' | 'disk failed';

export interface Sender {
  readonly fqdn: string;
  readonly owner: string;
}

interface Upload {
  readonly item: CachedItem;
  readonly transfer: number;
  readonly hash: Hash;
  received: number;
  written: number;
  /** Received and not yet handed to the store. */
  waiting: Uint8Array[];
  waitingBytes: number;
  number: number | undefined;
  /** What is done for it, in order. */
  work: Promise<void>;
  state: 'receiving' | 'stored' | Refused;
}

export interface UploadsOptions {
  readonly store: CachedItemStore;
  limits(): CacheLimits;
  readonly clock: Clock;
  onStored(item: CachedItem): void;
  onDiskError(error: unknown): void;
}

export class Uploads<Connection extends object> {
  readonly drops = new Map<UploadDrop, number>();
  /** Bytes that were taken, of items that became whole or not. */
  receivedBytes = 0;
  private readonly open = new Map<Connection, Map<number, Upload>>();
  private count = 0;

  constructor(private readonly options: UploadsOptions) {}

  /** How far is it? Begins it when it is new. Throws Refused. */
  async ask(
    { transfer, ttlMs, ...about }: Body<'cacheStoreRequest'>,
    { fqdn: sender, owner }: Sender,
    connection: Connection,
  ): Promise<Body<'cacheStoreResponse'>> {
    const known = this.open.get(connection)?.get(transfer);
    if (known && hex(known.item.id) !== hex(about.id)) throw new Refused('malformed');
    const expiresMs = Math.floor(this.options.clock.wallTimeMs()) + Math.min(ttlMs, this.options.limits().maximumTtlMs);
    const upload = known ?? this.begin(connection, transfer, { ...about, sender, owner, expiresMs });
    await upload.work;
    if (upload.state instanceof Refused) {
      this.end(connection, upload);
      throw upload.state;
    }
    const stored = upload.state === 'stored';
    if (stored) this.end(connection, upload);
    return { stored, received: stored ? upload.item.length : upload.received };
  }

  /** False: the connection is to be closed. */
  take(chunk: Chunk | undefined, connection: Connection): boolean {
    if (!chunk) return this.drop('malformed');
    const { transfer, offset, bytes } = chunk;
    const upload = this.open.get(connection)?.get(transfer);
    if (upload?.state !== 'receiving') {
      this.drop('unknown transfer'); // refused meanwhile, or there already
      return true;
    }
    if (offset !== upload.received || offset + bytes.length > upload.item.length) return this.drop('out of place');
    upload.received += bytes.length;
    this.receivedBytes += bytes.length;
    if (upload.received - upload.written > UNWRITTEN_LIMIT_BYTES) return this.drop('faster than the disk');
    upload.hash.update(bytes);
    upload.waiting.push(bytes);
    upload.waitingBytes += bytes.length;
    const isWhole = upload.received === upload.item.length;
    if (isWhole && Buffer.compare(upload.hash.digest(), upload.item.digest) !== 0) return this.damaged(upload);
    if (isWhole || upload.waitingBytes >= PART_LENGTH) this.flush(upload);
    return true;
  }

  ended(connection: Connection): void {
    for (const upload of [...(this.open.get(connection)?.values() ?? [])]) this.end(connection, upload);
  }

  private begin(connection: Connection, transfer: number, item: CachedItem): Upload {
    if (this.count >= UPLOADS_LIMIT.all) throw new Refused('unavailable');
    const ofConnection = this.open.get(connection) ?? new Map<number, Upload>();
    if (ofConnection.size >= UPLOADS_LIMIT.connection) throw new Refused('unavailable');
    const progress = { received: 0, written: 0, waiting: [], waitingBytes: 0, number: undefined };
    const upload: Upload = {
      ...{ item, transfer, ...progress, hash: createHash('sha256'), state: 'receiving', work: Promise.resolve() },
    };
    this.open.set(connection, ofConnection.set(transfer, upload));
    this.count++;
    this.work(upload, () => this.admit(upload));
    return upload;
  }

  /** There already, or is there room? */
  private async admit(upload: Upload): Promise<void> {
    const { store } = this.options;
    const limits = this.options.limits();
    const { item } = upload;
    if (item.length === 0) throw new Refused('malformed');
    if (await store.has(item)) return void (upload.state = 'stored');
    if (item.length > limits.itemBytes) throw new Refused('too-large');
    for (const [of, items, bytes] of [
      [{ receiver: item.receiver }, limits.receiverItems, limits.receiverBytes],
      [{ owner: item.owner }, limits.senderItems, limits.senderBytes],
      [undefined, Infinity, limits.totalBytes],
    ] as const) {
      const used = await store.usage(of);
      const promised = this.promised(of, upload);
      if (used.items + promised.items + 1 > items) throw new Refused('cache-full');
      if (used.bytes + promised.bytes + item.length > bytes) throw new Refused('cache-full');
    }
  }

  /** To other uploads, of which the store does not know yet. */
  private promised(of: { receiver?: string; owner?: string } | undefined, besides: Upload) {
    const promised = { items: 0, bytes: 0 };
    for (const uploads of this.open.values()) {
      for (const { item, number, state } of uploads.values()) {
        if (item === besides.item || number !== undefined || state !== 'receiving') continue;
        if (of?.receiver !== undefined && of.receiver !== item.receiver) continue;
        if (of?.owner !== undefined && of.owner !== item.owner) continue;
        promised.items++;
        promised.bytes += item.length;
      }
    }
    return promised;
  }

  private flush(upload: Upload): void {
    let rest: Uint8Array = Buffer.concat(upload.waiting);
    const isWhole = upload.received === upload.item.length;
    while (rest.length >= PART_LENGTH || (isWhole && rest.length > 0)) {
      const part = rest.subarray(0, PART_LENGTH);
      rest = rest.subarray(part.length);
      this.work(upload, () => this.write(upload, part));
    }
    upload.waiting = rest.length > 0 ? [new Uint8Array(rest)] : [];
    upload.waitingBytes = rest.length;
  }

  private async write(upload: Upload, bytes: Uint8Array): Promise<void> {
    if (upload.state !== 'receiving') return;
    const { store, onStored, onDiskError } = this.options;
    const { item, written: offset } = upload;
    const isLast = offset + bytes.length === item.length;
    try {
      upload.number = await store.append(upload.number, item, { offset, bytes, isLast });
    } catch (error) {
      this.drop('disk failed');
      onDiskError(error);
      throw new Refused('cache-full');
    }
    upload.written += bytes.length;
    if (!isLast) return;
    upload.state = 'stored';
    onStored(item);
  }

  /** One thing after the other. What fails ends the upload, and is told when it is asked for. */
  private work(upload: Upload, task: () => Promise<void>): void {
    upload.work = upload.work.then(async () => {
      if (upload.state instanceof Refused) return;
      try {
        await task();
      } catch (error) {
        if (!(error instanceof Refused)) this.options.onDiskError(error);
        upload.state = error instanceof Refused ? error : new Refused('unavailable');
        await this.discard(upload);
      }
    });
  }

  private damaged(upload: Upload): boolean {
    this.drop('damaged');
    this.work(upload, () => Promise.reject(new Refused('malformed')));
    return true;
  }

  private end(connection: Connection, upload: Upload): void {
    const ofConnection = this.open.get(connection);
    if (!ofConnection?.delete(upload.transfer)) return;
    this.count--;
    if (ofConnection.size === 0) this.open.delete(connection);
    if (upload.state !== 'receiving') return;
    this.work(upload, () => Promise.reject(new Refused('unavailable')));
  }

  private async discard({ number }: Upload): Promise<void> {
    if (number === undefined) return;
    // What cannot be removed now is at the next start.
    await this.options.store.remove(number).catch((error: unknown) => this.options.onDiskError(error));
  }

  /** False, for those whose connection it costs. */
  private drop(reason: UploadDrop): false {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    return false;
  }
}
