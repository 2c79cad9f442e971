/**
 * What the servers keep across restarts. One interface, so that a network can start on one file (sqlite-store.ts)
 * and move to a database that several AS and DC processes share. What a call has answered is on disk.
 */
import type { Endpoint } from '../../core/wire/addresses';
import type { AccountStore, JoinKeyStore, NodeStore, RevocationStore } from './account-store';

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
  /** Some name below `fqdn` has a number. */
  hasBelow(zone: string, fqdn: string): Promise<boolean>;
  /** The name's number, or the lowest that never was in use from 1 to `last`; `undefined` when none is left. */
  assign(zone: string, fqdn: string, last: number): Promise<number | undefined>;
}

/** Small things by name: servers' secret keys, ports to use again, the network's ULA prefix. */
export interface SettingStore {
  get(name: string): Promise<Uint8Array | undefined>;
  put(name: string, value: Uint8Array): Promise<void>;
  /** The value that is there; otherwise `value`, which then is. One of two who do this at once wins for both. */
  getOrPut(name: string, value: () => Uint8Array): Promise<Uint8Array>;
}

export interface Store {
  readonly accounts: AccountStore;
  readonly nodes: NodeStore;
  readonly joinKeys: JoinKeyStore;
  readonly revocations: RevocationStore;
  readonly coordinators: CoordinatorStore;
  readonly assignments: AssignmentStore;
  readonly settings: SettingStore;
  close(): void;
}
