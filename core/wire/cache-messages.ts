/**
 * The part of the table of messages (messages.ts) that is about cached items (paper 2.5): a node finds the cache server
 * of another node or its own (90 to 93), stores an item there (94, 95), takes what was stored for it (96 to 98).
 * The bytes of items go beside these messages, over the same TCP connection: see cache-frames.ts.
 */
import * as v from 'valibot';
import { isIP, isIPv4, isIPv6 } from 'node:net';

const bytes = (length: number) =>
  v.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === length, `must have ${length} bytes`);
const fewBytes = (most: number) =>
  v.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.length <= most,
    `must have up to ${most.toLocaleString('en')} bytes`,
  );
const text = (most: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(most));
const natural = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
const ip = (is: (text: string) => boolean, message: string) => v.pipe(v.string(), v.maxLength(45), v.check(is, message));

const key = bytes(32);
const fqdn = text(253);
const endpoint = v.object({ address: ip((value) => isIP(value) !== 0, 'must be an IP address'), port: natural(65_535) });
const endpoints = v.pipe(v.array(endpoint), v.maxLength(4));
const addresses = v.object({
  ipv4: ip(isIPv4, 'must be an IPv4 address'),
  ipv6: ip(isIPv6, 'must be an IPv6 address'),
});
const itemLength = natural(2 ** 32 - 1);
/** Of an item at its cache server; counts up. */
const number = natural(Number.MAX_SAFE_INTEGER);
const ttlMs = natural(366 * 24 * 3_600_000);
/** What kind of reader an item waits for: `items`, or `udp/PORT`. */
const box = text(16);
const limits = v.object({ itemBytes: itemLength, ttlMs, maximumTtlMs: ttlMs });

/** What became of an item at its receiver. All of them end its being stored. */
export const takenOutcomes = [
  'taken',
  'duplicate', // it was taken before
  'unreadable', // sealed to a key that the receiver has no more, or not whole
  'unvouched', // who sent it is not certain
  'refused', // by the receiver's inbound rules
] as const;
export type TakenOutcome = (typeof takenOutcomes)[number];

export const cacheMessages = {
  cacheRequest: {
    type: 90,
    title: 'Cache Request',
    steps: [],
    /**
     * To the own DC. `target`: for whom an item is to be stored; absent: where is what was stored for me?
     * `from`: between DCs, who wants to store something, and the key that the node will show to the cache server.
     */
    body: v.object({
      target: v.optional(fqdn),
      from: v.optional(v.object({ fqdn, publicKey: key, addresses, key })),
    }),
  },
  cacheResponse: {
    type: 91,
    title: 'Cache Response',
    steps: [],
    /**
     * `endpoints`: TCP, of the cache server; `key` is shared with it. `correspondent`: to whose key the item is to be
     * sealed; `voucher` goes into the item. `voucherKey`: opens vouchers, for who asked for what is its own.
     */
    body: v.object({
      ...{ endpoints, key, limits },
      correspondent: v.optional(v.object({ fqdn, publicKey: key })),
      voucher: v.optional(fewBytes(720)),
      voucherKey: v.optional(key),
    }),
  },
  cacheServiceRequest: {
    type: 92,
    title: 'Cache Service Request',
    steps: [],
    /** DC to CS: this node will come with this key. `owner`: whose quota it is. `receiver`: for whom it may store. */
    body: v.object({ fqdn, key, owner: fqdn, receiver: v.optional(fqdn) }),
  },
  cacheServiceAck: { type: 93, title: 'Cache Service Ack', steps: [], body: v.object({ endpoints, limits }) },
  cacheStoreRequest: {
    type: 94,
    title: 'Cache Store Request',
    steps: [],
    /**
     * How far is this item? Asked before, between and after its bytes, which the sender numbers by `transfer`.
     * `id`: the sender's; an item that is there already is not stored again. `digest`: SHA-256 of the sealed item.
     */
    body: v.object({ transfer: number, receiver: fqdn, box, id: bytes(16), length: itemLength, digest: key, ttlMs }),
  },
  cacheStoreResponse: {
    type: 95,
    title: 'Cache Store Response',
    steps: [],
    /** `stored`: whole, and on disk. Otherwise `received` bytes have come. */
    body: v.object({ stored: v.boolean(), received: itemLength }),
  },
  cacheTakeRequest: {
    type: 96,
    title: 'Cache Take Request',
    steps: [],
    /**
     * `finished`: this item may be deleted. Then `part`: more bytes of this one, from `offset`; or else the next item
     * of these boxes, the oldest first, and its first bytes. They follow the answer.
     */
    body: v.object({
      boxes: v.pipe(v.array(box), v.maxLength(32)),
      finished: v.optional(v.object({ number, outcome: v.picklist(takenOutcomes) })),
      part: v.optional(v.object({ number, offset: itemLength })),
    }),
  },
  cacheTakeResponse: {
    type: 97,
    title: 'Cache Take Response',
    steps: [],
    /** `item` null: there is none (any more). `digest`: SHA-256 of the sealed item. */
    body: v.object({ item: v.nullable(v.object({ number, sender: fqdn, box, length: itemLength, digest: key })) }),
  },
  cacheNotice: {
    type: 98,
    title: 'Cache Notice',
    steps: [],
    /** CS to a node that is connected: something was stored for it. */
    body: v.object({}),
  },
} as const;
