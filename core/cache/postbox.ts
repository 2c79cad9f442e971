/**
 * This node at the cache servers: stores items at those of others, and takes items from its own.
 *
 *   away --somebody reads--> asking the DC --> connected --ends--> asking again, less and less often
 *
 * The DC is asked for each item to store: it decides who may, and knows the receiver's key as it is now.
 */
import { backOff } from '../back-off';
import { NtmError } from '../errors';
import type { Clock, Random, StreamPort, StreamPortOptions, Timer, Timers } from '../runtime';
import type { Trace } from '../trace';
import { formatEndpoint, type Endpoint } from '../wire/addresses';
import { hex, type KeyPair } from '../wire/keys';
import type { TakenOutcome } from '../wire/cache-messages';
import type { Body } from '../wire/messages';
import { Refused, Unanswered } from '../wire/outcomes';
import { openItem, sealItem, type ItemLabel } from '../wire/sealed-item';
import { openVoucher } from '../wire/voucher';
import { CacheConnection } from './cache-connection';
import type { Opened, TakenItems } from './contract';

/** To a cache server that is gone, or has restarted and waits to be told who we are. */
const STORE_TRIES = 4;
const RETRY_MS = { first: 250, limit: 60_000 };
/** A connection for storing stays so long without use. */
const IDLE_MS = 30_000;
/** The receiver's clock and the cache server's may differ so much. */
const CLOCKS_MS = 24 * 3_600_000;
/** A datagram's worth of labels and seals around the content. */
const OVERHEAD_BYTES = 4_096;

type Access = Body<'cacheResponse'>;

export interface PostboxOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly trace: Trace;
  readonly part: string;
  readonly keys: KeyPair;
  readonly taken: TakenItems;
  fqdn(): string | undefined;
  openStreamPort(to: Endpoint, options: StreamPortOptions): StreamPort;
  /** Asks this node's DC. Rejects with NtmError. */
  ask(body: Body<'cacheRequest'>): Promise<Access>;
}

export interface Outgoing {
  readonly box: string;
  readonly content: Uint8Array;
  readonly ttlMs?: number | undefined;
  readonly about?: Pick<ItemLabel, 'name' | 'type' | 'udp'>;
}

export class Postbox {
  /** Items that came and were not given to a reader, by reason. */
  readonly drops = new Map<TakenOutcome, number>();
  private readonly connections = new Map<string, { connection: CacheConnection; idle?: Timer }>();
  private home: { readonly access: Access; readonly connection: CacheConnection } | undefined;
  private homecoming: Promise<NonNullable<Postbox['home']>> | undefined;
  private readonly listeners = new Set<() => void>();
  private failures = 0;
  private reconnectTimer: Timer | undefined;
  private closed = false;

  constructor(private readonly options: PostboxOptions) {}

  /**
   * Resolves when it is on the cache server's disk. `access`: what the DC has said lately, in place of asking it.
   * Rejects with NtmError: NTM_TOO_LARGE, NTM_CACHE_FULL, NTM_CACHE_UNREACHABLE, NTM_NEVER_JOINED, NTM_NO_SUCH_NAME, ...
   */
  async store(target: string, outgoing: Outgoing, access?: Access): Promise<{ label: ItemLabel; to: string }> {
    const id = this.options.random.bytes(16);
    for (let tries = 1; ; tries++) {
      const allowed = (tries === 1 && access) || (await this.options.ask({ target }));
      try {
        return await this.storeAt(allowed, id, outgoing);
      } catch (error) {
        // The same id again: what is there already is not stored twice.
        if (tries === STORE_TRIES || this.closed || !isLost(error)) throw storeError(error, target);
        await new Promise<void>((resolve) => this.options.timers.schedule(backOff(RETRY_MS, tries - 1), resolve));
      }
    }
  }

  /**
   * The oldest item of these boxes that can be read; undefined when there is none. What cannot be read is told to the
   * cache server, counted, and dropped. `finished`: what became of the one before.
   */
  async next(boxes: readonly string[], finished?: Body<'cacheTakeRequest'>['finished']): Promise<Opened | undefined> {
    for (let done = finished; ;) {
      const { connection, access } = await this.atHome();
      const request = { boxes: [...boxes], ...(done && { finished: done }) };
      const limit = access.limits.itemBytes + OVERHEAD_BYTES;
      const item = await connection.take(request, limit).catch((error: unknown) => {
        throw takeError(error);
      });
      if (!item) return undefined;
      const opened = this.open(item.sealed, access.voucherKey);
      if (typeof opened === 'object') return { ...opened, number: item.number };
      this.dropped(opened, item.sender);
      done = { number: item.number, outcome: opened };
    }
  }

  /** Remembered first, then told: a crash between the two lets it come again, and it is known then. */
  async finish({ number, label: { from, id, expiresMs } }: Opened, outcome: TakenOutcome): Promise<void> {
    this.options.taken.add(from, hex(id), expiresMs + 2 * CLOCKS_MS);
    await this.next([], { number, outcome }).catch(() => undefined);
  }

  remember({ label: { from, id, expiresMs } }: Opened): void {
    this.options.taken.add(from, hex(id), expiresMs + 2 * CLOCKS_MS);
  }

  /** Calls back now and again while something may be there to be taken; keeps the connection for that. */
  listen(onPerhaps: () => void): () => void {
    this.listeners.add(onPerhaps);
    onPerhaps();
    return () => this.listeners.delete(onPerhaps);
  }

  /** This node has joined, perhaps elsewhere and under another key: worth a try at once. */
  joined(): void {
    if (this.listeners.size === 0 || this.home) return;
    this.failures = 0;
    this.reconnectLater(0);
  }

  dropped(reason: TakenOutcome, from: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    const { trace, part } = this.options;
    trace({ part, event: 'cached item dropped', reason, peer: from });
  }

  close(): void {
    this.closed = true;
    this.reconnectTimer?.cancel();
    this.listeners.clear();
    for (const { connection } of [...this.connections.values()]) connection.close();
  }

  private async storeAt(access: Access, id: Uint8Array, { box, content, ttlMs, about }: Outgoing) {
    const { keys, random, clock, fqdn } = this.options;
    const { correspondent, voucher, limits } = access;
    const from = fqdn();
    if (!correspondent || !voucher || from === undefined) {
      throw new NtmError('NTM_PROTOCOL', 'the direction coordinator left out for whom the item is');
    }
    const livesMs = Math.min(ttlMs ?? limits.ttlMs, limits.maximumTtlMs);
    const sentMs = Math.floor(clock.wallTimeMs());
    const label: ItemLabel = { ...about, id, from, to: correspondent.fqdn, sentMs, expiresMs: sentMs + livesMs };
    const sealed = sealItem(
      label,
      content,
      { sender: keys, receiverPublicKey: correspondent.publicKey, voucher },
      random,
    );
    if (sealed.length > limits.itemBytes) throw new Refused('too-large');
    const connection = this.connectionTo(access);
    await connection.store({ receiver: correspondent.fqdn, box, id, ttlMs: livesMs, sealed });
    return { label, to: correspondent.fqdn };
  }

  private open(sealed: Uint8Array, voucherKey: Uint8Array | undefined): Omit<Opened, 'number'> | TakenOutcome {
    const { keys, taken, clock, fqdn } = this.options;
    const item = openItem(sealed, keys);
    if (typeof item === 'string') return 'unreadable';
    const { label, content, senderPublicKey } = item;
    const voucher = voucherKey && openVoucher(item.voucher, voucherKey);
    const isVouched =
      voucher?.from === label.from &&
      [voucher.to, label.to].every((name) => name === fqdn()) &&
      Buffer.compare(voucher.publicKey, senderPublicKey) === 0;
    if (!isVouched) return 'unvouched';
    // Later than that it is not remembered whether it was taken.
    if (clock.wallTimeMs() > label.expiresMs + CLOCKS_MS) return 'unreadable';
    if (taken.has(label.from, hex(label.id))) return 'duplicate';
    return { label, content, addresses: voucher.addresses, permits: voucher.permits };
  }

  private atHome(): Promise<NonNullable<Postbox['home']>> {
    if (this.home) return Promise.resolve(this.home);
    this.homecoming ??= this.comeHome().finally(() => (this.homecoming = undefined));
    return this.homecoming;
  }

  private async comeHome(): Promise<NonNullable<Postbox['home']>> {
    if (this.closed) throw new NtmError('NTM_CLOSED', 'this node was closed');
    const access = await this.options.ask({});
    this.home = { access, connection: this.connectionTo(access) };
    return this.home;
  }

  private connectionTo({ endpoints: [endpoint], key }: Access): CacheConnection {
    if (!endpoint)
      throw new NtmError('NTM_PROTOCOL', 'the direction coordinator named no endpoint of the cache server');
    if (this.closed) throw new NtmError('NTM_CLOSED', 'this node was closed');
    const name = `${formatEndpoint(endpoint)} ${hex(key)}`;
    const known = this.connections.get(name);
    if (known) {
      this.idleLater(known);
      return known.connection;
    }
    const { clock, timers, random, trace, part } = this.options;
    const connection = new CacheConnection({
      ...{ clock, timers, random, trace, part, endpoint, key },
      openStreamPort: (to, options) => this.options.openStreamPort(to, options),
      onNotice: () => this.perhaps(),
      onEnd: () => this.connectionEnded(name, connection),
    });
    const entry = { connection };
    this.connections.set(name, entry);
    this.idleLater(entry);
    return connection;
  }

  private idleLater(entry: { connection: CacheConnection; idle?: Timer }): void {
    entry.idle?.cancel();
    entry.idle = this.options.timers.schedule(IDLE_MS, () => {
      const isHeld = this.home?.connection === entry.connection && this.listeners.size > 0;
      if (isHeld || entry.connection.isBusy) this.idleLater(entry);
      else entry.connection.close();
    });
  }

  private connectionEnded(name: string, connection: CacheConnection): void {
    const entry = this.connections.get(name);
    entry?.idle?.cancel();
    this.connections.delete(name);
    if (this.home?.connection !== connection) return;
    this.home = undefined;
    if (this.listeners.size > 0) this.reconnectLater(backOff(RETRY_MS, this.failures++));
  }

  private reconnectLater(delayMs: number): void {
    if (this.closed) return;
    this.reconnectTimer?.cancel();
    this.reconnectTimer = this.options.timers.schedule(delayMs, () => this.perhaps());
  }

  private perhaps(): void {
    for (const listener of [...this.listeners]) listener();
  }

  /** A reader could not be served; it is called again. */
  failed(): void {
    this.reconnectLater(backOff(RETRY_MS, this.failures++));
  }

  served(): void {
    this.failures = 0;
  }
}

/** Nothing was refused: a cache server that restarted, or a connection that broke. */
function isLost(error: unknown): boolean {
  if (error instanceof Unanswered) return true;
  if (error instanceof Refused) return error.refusal === 'not-registered';
  return error instanceof NtmError && ['NTM_CACHE_UNREACHABLE', 'NTM_CLOSED'].includes(error.code);
}

function storeError(error: unknown, target: string): Error {
  if (error instanceof NtmError && error.code !== 'NTM_CLOSED') return error;
  if (!(error instanceof Refused)) return unreachable(error);
  switch (error.refusal) {
    case 'cache-full':
      return new NtmError(
        'NTM_CACHE_FULL',
        `no more can be stored for ${target} now: its quota, yours, or the disk is full`,
      );
    case 'too-large':
      return new NtmError('NTM_TOO_LARGE', 'the item is larger than the cache server takes at once');
    case 'not-registered':
    case 'unavailable':
      return unreachable(error);
    default:
      return new NtmError('NTM_PROTOCOL', `the cache server refused the item: ${error.refusal}`);
  }
}

function takeError(error: unknown): Error {
  if (error instanceof NtmError && error.code !== 'NTM_CLOSED') return error;
  return unreachable(error);
}

function unreachable(cause: unknown): NtmError {
  return new NtmError('NTM_CACHE_UNREACHABLE', 'no answer from the cache server: is it running?', { cause });
}
