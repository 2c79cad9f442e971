/**
 * What the servers keep across restarts. One interface, so that a network can start on one file (sqlite-store.ts)
 * and move to a database that several AS and DC processes share. What a call has answered is on disk.
 */
import type { Endpoint } from '../../core/wire/addresses';
import type { AccountStore, JoinKeyStore, NodeStore, RevocationStore } from './account-store';
import type { SessionStore } from './session-store';

/** A DC as the AS vouches for it. */
export interface Coordinator {
  readonly zone: string;
  readonly fqdn: string;
  readonly publicKey: Uint8Array;
  /** Its virtual address pool, CIDR: a block of 198.18.0.0/15 and a /64 of the network's ULA prefix. */
  readonly ipv4Block: string;
  readonly ipv6Prefix: string;
  /** Null until it has reported itself. */
  readonly endpoint: Endpoint | null;
}

export type Blocks = Pick<Coordinator, 'zone' | 'ipv4Block' | 'ipv6Prefix'>;

export interface CoordinatorStore {
  find(zone: string): Promise<Coordinator | undefined>;
  list(): Promise<Coordinator[]>;
  put(coordinator: Coordinator): Promise<void>;
  remove(zone: string): Promise<void>;
  /** Of every zone that ever was, also those removed: a zone keeps its blocks as long as others are free. */
  blocks(): Promise<Blocks[]>;
}

/** Virtual addresses as numbers within the pool of a DC; a name keeps its number for ever. */
export interface AssignmentStore {
  find(zone: string, fqdn: string): Promise<number | undefined>;
  nameOf(zone: string, number: number): Promise<string | undefined>;
  /** Some name directly below `fqdn` has a number. */
  hasBelow(zone: string, fqdn: string): Promise<boolean>;
  /** The name's number, or the lowest that never was in use from 1 to `last`; `undefined` when none is left. */
  assign(zone: string, fqdn: string, last: number): Promise<number | undefined>;
}

/** WireGuard static public keys of the nodes of a DC, as they last logged in: also of those that are away. */
export interface NodeKeyStore {
  find(zone: string, fqdn: string): Promise<Uint8Array | undefined>;
  put(zone: string, fqdn: string, publicKey: Uint8Array): Promise<void>;
}

/** An item at a CS. */
export interface CachedItem {
  readonly receiver: string;
  readonly sender: string;
  /** The account of the sender, whose quota it is. */
  readonly owner: string;
  readonly box: string;
  /** The sender's, 16 bytes. */
  readonly id: Uint8Array;
  readonly length: number;
  /** SHA-256. */
  readonly digest: Uint8Array;
  /** Unix time. */
  readonly expiresMs: number;
}

export interface NumberedItem extends CachedItem {
  /** Counts up; never given twice. */
  readonly number: number;
}

export interface CacheUsage {
  readonly items: number;
  readonly bytes: number;
}

export interface CachedItemStore {
  /** Whether an item that is whole has this id. */
  has(item: Pick<CachedItem, 'receiver' | 'sender' | 'id'>): Promise<boolean>;
  /**
   * More bytes of an item, in order; `number` is undefined for the first ones. Returns its number. With `isLast` the
   * item is whole: only then is it found, and kept across restarts. Rejects when the disk is full.
   */
  append(
    number: number | undefined,
    item: CachedItem,
    part: { offset: number; bytes: Uint8Array; isLast: boolean },
  ): Promise<number>;
  /** The oldest of these boxes that is whole. */
  next(receiver: string, boxes: readonly string[], nowMs: number): Promise<NumberedItem | undefined>;
  find(number: number): Promise<NumberedItem | undefined>;
  /** The bytes that were appended at this offset. */
  part(number: number, offset: number): Promise<Uint8Array | undefined>;
  remove(number: number): Promise<void>;
  /** Removes what is over, so many at most. Returns how many these were. */
  expire(nowMs: number, limit: number): Promise<number>;
  /** Of everything, or of one receiver or owner; with what is not whole. */
  usage(of?: { readonly receiver: string } | { readonly owner: string }): Promise<CacheUsage>;
  /** At the start of a CS: what was not whole when the last one ended will not become so. */
  discardParts(): Promise<void>;
}

/** Small things by name: servers' secret keys, ports to use again, the network's ULA prefix. */
export interface SettingStore {
  get(name: string): Promise<Uint8Array | undefined>;
  put(name: string, value: Uint8Array): Promise<void>;
  /** The value that is there; otherwise `value`, which then is. One of two who do this at once wins for both. */
  getOrPut(name: string, value: () => Uint8Array): Promise<Uint8Array>;
}

/** A node that an NS can push to, with the key that proves it. */
export interface PushRecord {
  readonly fqdn: string;
  readonly key: Uint8Array;
  readonly push: { readonly kind: 'apns' | 'fcm' | 'webPush'; readonly token: string };
  /** The push service knows it no more. */
  readonly isDead: boolean;
  /** Wall time. */
  readonly updatedMs: number;
}

export interface PushStore {
  list(): Promise<PushRecord[]>;
  put(record: PushRecord): Promise<void>;
  remove(fqdn: string): Promise<void>;
}

export interface Store {
  readonly accounts: AccountStore;
  readonly nodes: NodeStore;
  readonly joinKeys: JoinKeyStore;
  readonly revocations: RevocationStore;
  readonly coordinators: CoordinatorStore;
  readonly assignments: AssignmentStore;
  readonly sessions: SessionStore;
  readonly settings: SettingStore;
  readonly pushes: PushStore;
  readonly nodeKeys: NodeKeyStore;
  readonly cachedItems: CachedItemStore;
  close(): void;
}
