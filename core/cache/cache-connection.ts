/**
 * A TCP connection to a cache server under one key: stores items, one after the other so that they stay in order, and
 * takes items. Opened when it is made; its end is told once, and rejects everything that waits.
 */
import { createHash } from 'node:crypto';
import { NtmError } from '../errors';
import type { Clock, Random, StreamPort, StreamPortOptions, Timer, Timers } from '../runtime';
import type { Trace } from '../trace';
import { chunksOf, CACHE_FRAME_LIMIT, CHUNK_MAGIC, PART_LENGTH, readChunk, writeChunk } from '../wire/cache-frames';
import type { Endpoint } from '../wire/addresses';
import { frame, FrameReader } from '../wire/frames';
import { sharedKey } from '../wire/keys';
import type { Body, Message, MessageName } from '../wire/messages';
import type { Peer } from '../wire/peers';
import { Signalling } from '../wire/signalling';
import { within } from '../wire/within';
import { Arrivals } from './arrivals';

/** As for the NS: well inside the idle timeout of NATs for TCP. */
const KEEP_ALIVE_MS = 60_000;
/** The first answer, with TCP's handshake before it, in 7,750 ms. */
const FIRST_TRIES = 5;
/** One that comes behind bytes of an item, on a slow line, in a minute. */
const BEHIND_TRIES = 8;
/** For one part of an item that the server has announced. */
const PART_MS = 60_000;

export interface CacheConnectionOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly trace: Trace;
  readonly part: string;
  readonly endpoint: Endpoint;
  readonly key: Uint8Array;
  openStreamPort(to: Endpoint, options: StreamPortOptions): StreamPort;
  /** Something was stored for this node. */
  onNotice(): void;
  onEnd(): void;
}

export interface ItemToStore {
  readonly receiver: string;
  readonly box: string;
  readonly id: Uint8Array;
  readonly ttlMs: number;
  readonly sealed: Uint8Array;
}

type TakeRequest = Body<'cacheTakeRequest'>;

export interface TakenFromServer {
  readonly number: number;
  /** As the cache server says; who it is, the voucher proves. */
  readonly sender: string;
  readonly sealed: Uint8Array;
}

export class CacheConnection {
  private readonly stream: StreamPort;
  private readonly signalling: Signalling<null>;
  private readonly server: Peer;
  private readonly arrivals = new Arrivals();
  private storing: Promise<unknown> = Promise.resolve();
  private transfers = 0;
  private keepAliveTimer: Timer | undefined;
  private ended = false;
  private tasks = 0;

  constructor(private readonly options: CacheConnectionOptions) {
    const { part, clock, timers, random, trace, key, endpoint } = options;
    const frames = new FrameReader(CACHE_FRAME_LIMIT);
    this.stream = options.openStreamPort(endpoint, {
      onConnect: () => {},
      onBytes: (bytes) => {
        const read = frames.read(bytes);
        if (!read || !read.every((each) => this.receive(each))) this.close();
      },
      onClose: () => this.close(),
    });
    const transmit = (datagram: Uint8Array): void => this.stream.write(frame(datagram));
    this.signalling = new Signalling<null>({ party: 'node', part, clock, timers, random, trace, transmit });
    this.server = this.signalling.addPeer({ key: sharedKey(key, 0), party: 'cs', name: 'cs' });
    this.signalling.handle('cacheNotice', () => {
      if (!this.ended) options.onNotice();
    });
    this.keepAliveLater();
  }

  get isEnded(): boolean {
    return this.ended;
  }

  get isBusy(): boolean {
    return this.tasks > 0;
  }

  /** Resolves when the item is on the cache server's disk. Rejects with Refused, Unanswered or NtmError. */
  store(item: ItemToStore): Promise<void> {
    this.tasks++;
    const stored = this.storing.then(() => this.storeNow(item)).finally(() => this.tasks--);
    this.storing = stored.catch(() => {});
    return stored;
  }

  /** The next item, whole; undefined when there is none. Rejects with Refused, Unanswered or NtmError. */
  async take(request: TakeRequest, lengthLimit: number): Promise<TakenFromServer | undefined> {
    const { item } = await this.ask({ name: 'cacheTakeRequest', body: request }, 'cacheTakeResponse', FIRST_TRIES);
    if (!item) return undefined;
    const { number, sender, length, digest } = item;
    if (length > lengthLimit) throw this.broken('named an item that is larger than it takes');
    const sealed = this.arrivals.expect(number, length);
    this.tasks++;
    try {
      for (let offset = PART_LENGTH; offset < length; offset += PART_LENGTH) {
        await this.arrived(number, offset - PART_LENGTH); // so that two parts are on their way, not all
        const body = { boxes: [], part: { number, offset } };
        const more = await this.ask({ name: 'cacheTakeRequest', body }, 'cacheTakeResponse', BEHIND_TRIES);
        if (!more.item) return undefined; // its time is over
      }
      await this.arrived(number, length);
      const isRight = Buffer.compare(createHash('sha256').update(sealed).digest(), digest) === 0;
      if (!isRight) throw this.broken('sent other bytes than it announced');
      return { number, sender, sealed };
    } finally {
      this.tasks--;
      this.arrivals.forget(number);
    }
  }

  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.keepAliveTimer?.cancel();
    this.arrivals.fail(new NtmError('NTM_CACHE_UNREACHABLE', 'the connection to the cache server ended'));
    this.signalling.close();
    this.stream.close();
    this.options.onEnd();
  }

  private async arrived(number: number, length: number): Promise<void> {
    const { timers } = this.options;
    const isHere = await within(
      timers,
      PART_MS,
      this.arrivals.has(number, length).then(() => true),
    );
    if (!isHere) throw this.broken('does not send what it announced');
  }

  /** Behind each part the server is asked how far it is, and before that of the last but one is answered nothing goes. */
  private async storeNow({ sealed, ...about }: ItemToStore): Promise<void> {
    const digest = new Uint8Array(createHash('sha256').update(sealed).digest());
    const transfer = ++this.transfers;
    const body = { ...about, transfer, digest, length: sealed.length };
    const ask = (tries: number): Promise<Body<'cacheStoreResponse'>> => {
      const answer = this.ask({ name: 'cacheStoreRequest', body }, 'cacheStoreResponse', tries);
      answer.catch(() => {}); // the one before it may have failed already
      return answer;
    };
    let answer = ask(FIRST_TRIES);
    for (let start = 0; start < sealed.length; start += PART_LENGTH) {
      const end = Math.min(start + PART_LENGTH, sealed.length);
      for (const chunk of chunksOf(transfer, sealed, start, end)) this.stream.write(frame(writeChunk(chunk)));
      const behind = ask(BEHIND_TRIES);
      if ((await answer).stored) return;
      answer = behind;
    }
    if (!(await answer).stored) throw this.broken('did not store what it took');
  }

  private async ask<N extends MessageName>(message: Message, expected: N, tries: number): Promise<Body<N>> {
    if (this.ended) throw new NtmError('NTM_CACHE_UNREACHABLE', 'the connection to the cache server ended');
    const answer = await this.signalling.request(this.server, null, message, { tries });
    if (answer.name !== expected) throw this.broken(`answered with ${answer.name}`);
    return answer.body;
  }

  /** False: it broke the protocol. */
  private receive(bytes: Uint8Array): boolean {
    if (bytes[0] !== CHUNK_MAGIC) {
      this.signalling.receive(bytes, null);
      return true;
    }
    const chunk = readChunk(bytes);
    return chunk !== undefined && this.arrivals.take(chunk);
  }

  private keepAliveLater(): void {
    this.keepAliveTimer = this.options.timers.schedule(KEEP_ALIVE_MS, () => {
      this.signalling.oneway(this.server, null, { name: 'keepAlive', body: {} });
      this.keepAliveLater();
    });
  }

  private broken(what: string): NtmError {
    this.close();
    return new NtmError('NTM_PROTOCOL', `the cache server ${what}`);
  }
}
