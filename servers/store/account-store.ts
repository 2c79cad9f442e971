/**
 * What an AS knows of those who may join: accounts, their join keys, the nodes that have logged in, and the ends of
 * sessions that DCs have not acknowledged yet. A change and what it ends are one transaction.
 */
import type { RevocationReason } from '../../core/wire/refusals';

export interface Account {
  readonly name: string;
  /** See account/password.ts. */
  readonly passwordHash: string;
  readonly createdMs: number;
  readonly disabled: boolean;
  /** Where its names are; null: in the AS's own zone. */
  readonly zone: string | null;
}

/** Sessions that end, and tunnels with them. */
export interface Revoked {
  readonly fqdn: string;
  /** And those of the names below it. */
  readonly below: boolean;
  readonly reason: RevocationReason;
}

export interface AccountStore {
  find(name: string): Promise<Account | undefined>;
  list(): Promise<Account[]>;
  /** Creates the account, or replaces its password. */
  put(name: string, passwordHash: string, createdMs: number): Promise<'created' | 'updated'>;
  /** False when the name is taken. */
  add(name: string, passwordHash: string, createdMs: number, zone?: string): Promise<boolean>;
  /** False when there is no such account. */
  change(
    name: string,
    change: Partial<Pick<Account, 'passwordHash' | 'disabled'>>,
    revoked: Revoked | undefined,
  ): Promise<boolean>;
  /** With its join keys and nodes. False when there is no such account. */
  remove(name: string, revoked: Revoked): Promise<boolean>;
}

/** A node that has logged in. */
export interface KnownNode {
  readonly fqdn: string;
  readonly account: string;
  /** WireGuard static key. */
  readonly publicKey: Uint8Array;
  /** The id of the join key by which it logged in; null: by password. */
  readonly joinKey: string | null;
  /** Where from, as of account/login-attempts.ts. */
  readonly source: string;
  readonly loginMs: number;
  /** Its session was ended since. */
  readonly ended: boolean;
}

export interface NodeStore {
  find(fqdn: string): Promise<KnownNode | undefined>;
  /** In order of their names, but those that were removed; of all accounts unless one is given. */
  list(account?: string): Promise<KnownNode[]>;
  loggedIn(node: Omit<KnownNode, 'ended'>): Promise<void>;
  /** Whether a node of the account has ever logged in from there. */
  hasLoggedInFrom(account: string, source: string): Promise<boolean>;
  /** False when there is no such node. */
  remove(fqdn: string, revoked: Revoked): Promise<boolean>;
}

export interface JoinKey {
  /** Public: the part of the key before its secret. */
  readonly id: string;
  readonly account: string;
  readonly secretHash: Uint8Array;
  readonly createdMs: number;
  /** Null: never. */
  readonly expiresMs: number | null;
  /** Good for one node, whose public key it is bound to at its first use. */
  readonly once: boolean;
  /** The only node name that it is for. */
  readonly node: string | null;
  /** With what the node's name must begin. */
  readonly nodePrefix: string | null;
  readonly boundTo: Uint8Array | null;
  readonly usedMs: number | null;
}

export interface JoinKeyStore {
  add(key: JoinKey): Promise<void>;
  find(id: string): Promise<JoinKey | undefined>;
  list(account?: string): Promise<JoinKey[]>;
  /**
   * The node with this public key logs in by it. Of two nodes that use a key that is good once, one has it: the first,
   * again and again. `gone`: the key was removed meanwhile.
   */
  use(id: string, publicKey: Uint8Array, usedMs: number): Promise<'used' | 'taken' | 'gone'>;
  /** Ends the sessions of the nodes that logged in by it. How many those are; undefined when there is no such key. */
  remove(id: string): Promise<number | undefined>;
}

/** One that a DC has not acknowledged. */
export interface Revocation extends Revoked {
  readonly id: number;
  readonly zone: string;
}

export interface RevocationStore {
  /** Zones whose DCs have not acknowledged everything. */
  zones(): Promise<string[]>;
  /** Oldest first. */
  pending(zone: string, limit: number): Promise<Revocation[]>;
  /** Those that end the session of a name. */
  pendingOf(zone: string, fqdn: string): Promise<Revocation[]>;
  acknowledged(id: number): Promise<void>;
  add(revoked: Revoked): Promise<void>;
}
