/** What programs see of cached items (paper 2.5), and what the cache needs of the node. */
import type { ItemLabel } from '../wire/sealed-item';

export interface PutOptions {
  /** Time to live in milliseconds; the cache server has a default (7 days unless set otherwise) and a maximum. */
  readonly ttlMs?: number;
  /** What the receiver shall see as the item's name, e.g. a file's. */
  readonly name?: string;
  /** Media type. */
  readonly type?: string;
}

export interface PutResult {
  /** 32 hexadecimal digits; the receiver sees the same. */
  readonly id: string;
  /** The receiver's FQDN. */
  readonly to: string;
  /** When the cache server forgets it, Unix time in milliseconds. */
  readonly expiresMs: number;
}

/** An item that another node stored for this one. */
export interface CachedItem {
  /** FQDN of the node that stored it. Certain: its key sealed the item, and this node's DC vouches for whose that is. */
  readonly from: string;
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly name: string | undefined;
  readonly type: string | undefined;
  /** By the sender's clock, Unix time in milliseconds. */
  readonly sentMs: number;
  /**
   * Says that the program has it: it is not given again, also not to a later process of this node. Resolves when that
   * is on this host's disk. Never rejects: a cache server that does not hear of it offers the item again, in vain.
   */
  taken(): Promise<void>;
}

/** Items that were taken, so that none is taken twice. `untilMs`: Unix time after which it cannot come again. */
export interface TakenItems {
  has(from: string, id: string): boolean;
  /** On disk when it returns, where there is one. */
  add(from: string, id: string, untilMs: number): void;
}

export class TakenInMemory implements TakenItems {
  private readonly taken = new Set<string>();

  has(from: string, id: string): boolean {
    return this.taken.has(`${id} ${from}`);
  }

  add(from: string, id: string): void {
    this.taken.add(`${id} ${from}`);
  }
}

/** An opened item on its way to its reader. */
export interface Opened {
  readonly number: number;
  readonly label: ItemLabel;
  readonly content: Uint8Array;
  /** The sender's, as the DC vouches. */
  readonly addresses: { readonly ipv4: string; readonly ipv6: string };
  /** Where its datagrams may go to, by the policy; undefined: anywhere. */
  readonly permits: readonly string[] | undefined;
}
