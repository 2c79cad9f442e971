/**
 * The part of the table of messages (messages.ts) that is about cached items (paper 2.5): a node finds the cache server
 * of another node or its own (90 to 93), stores an item there (94, 95), takes what was stored for it (96 to 98).
 * The bytes of items go beside these messages, over the same TCP connection: see cache-frames.ts.
 */
import * as v from 'valibot';
import { bytes, endpoint, fewBytes, fqdn, key, natural, text, virtualAddresses } from './fields';

const endpoints = v.pipe(v.array(endpoint), v.maxLength(4));
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
    between: 'node to DC, DC to DC',
    steps: [],
    about:
      'To the own DC. `target`: for whom an item is to be stored; absent: where is what was stored for me? `from`: between DCs, who wants to store something, and the key that the node will show to the cache server.',
    body: v.object({
      target: v.optional(fqdn),
      from: v.optional(v.object({ fqdn, publicKey: key, addresses: virtualAddresses, key })),
    }),
  },
  cacheResponse: {
    type: 91,
    title: 'Cache Response',
    between: 'DC to node, DC to DC',
    steps: [],
    about:
      '`endpoints`: TCP, of the cache server; `key` is shared with it. `correspondent`: to whose key the item is to be sealed; `voucher` goes into the item. `voucherKey`: opens vouchers, for who asked for what is its own.',
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
    between: 'DC to CS',
    steps: [],
    about:
      'DC to CS: this node will come with this key. `owner`: whose quota it is. `receiver`: for whom it may store.',
    body: v.object({ fqdn, key, owner: fqdn, receiver: v.optional(fqdn) }),
  },
  cacheServiceAck: {
    type: 93,
    title: 'Cache Service Ack',
    between: 'CS to DC',
    steps: [],
    body: v.object({ endpoints, limits }),
  },
  cacheStoreRequest: {
    type: 94,
    title: 'Cache Store Request',
    between: 'node to CS',
    steps: [],
    about:
      "How far is this item? Asked before, between and after its bytes, which the sender numbers by `transfer`. `id`: the sender's; an item that is there already is not stored again. `digest`: SHA-256 of the sealed item.",
    body: v.object({ transfer: number, receiver: fqdn, box, id: bytes(16), length: itemLength, digest: key, ttlMs }),
  },
  cacheStoreResponse: {
    type: 95,
    title: 'Cache Store Response',
    between: 'CS to node',
    steps: [],
    about: '`stored`: whole, and on disk. Otherwise `received` bytes have come.',
    body: v.object({ stored: v.boolean(), received: itemLength }),
  },
  cacheTakeRequest: {
    type: 96,
    title: 'Cache Take Request',
    between: 'node to CS',
    steps: [],
    about:
      '`finished`: this item may be deleted. Then `part`: more bytes of this one, from `offset`; or else the next item of these boxes, the oldest first, and its first bytes. They follow the answer.',
    body: v.object({
      boxes: v.pipe(v.array(box), v.maxLength(32)),
      finished: v.optional(v.object({ number, outcome: v.picklist(takenOutcomes) })),
      part: v.optional(v.object({ number, offset: itemLength })),
    }),
  },
  cacheTakeResponse: {
    type: 97,
    title: 'Cache Take Response',
    between: 'CS to node',
    steps: [],
    about: '`item` null: there is none (any more). `digest`: SHA-256 of the sealed item.',
    body: v.object({ item: v.nullable(v.object({ number, sender: fqdn, box, length: itemLength, digest: key })) }),
  },
  cacheNotice: {
    type: 98,
    title: 'Cache Notice',
    between: 'CS to node',
    kind: 'oneway',
    steps: [],
    about: 'CS to a node that is connected: something was stored for it.',
    body: v.object({}),
  },
} as const;
