/**
 * The sessions of a DC's nodes across its restarts: the keys that it has acknowledged, and where each node was last.
 * What `write` has answered is on disk. Keys are secret: whoever implements this keeps them from others' eyes.
 */
import type { Endpoint, VirtualAddresses } from '../../core/wire/addresses';
import type { Body } from '../../core/wire/messages';

export interface StoredSession {
  readonly fqdn: string;
  /** The node's WireGuard static key. */
  readonly publicKey: Uint8Array;
  /** Between the node and its DC. */
  readonly key: Uint8Array;
  /** Between the node and the NS. */
  readonly notificationKey: Uint8Array;
  /** Wall clock: when it was keyed, or last registered. */
  readonly usedMs: number;
  readonly location: StoredLocation | null;
}

/** A registration as it was last written. */
export interface StoredLocation {
  readonly addresses: VirtualAddresses;
  readonly host: readonly Endpoint[];
  readonly route: 'auto' | 'relay' | 'direct';
  /** What the node had found out about itself. */
  readonly reach?: Body<'registrationRequest'>['reach'];
  readonly lifetimeMs: number;
  readonly observed: Endpoint;
  readonly notified: boolean;
  readonly notificationServer?: string;
  /** The node fell silent; the NS may be able to wake it. */
  readonly isAsleep?: boolean;
  /** The highest transaction id of the node then: what is not above it may be a replay. */
  readonly transaction: bigint;
}

export type SessionChange =
  /** Takes the place of the name's former session. */
  | { readonly kind: 'keyed'; readonly session: StoredSession }
  /** Of the session with this key; nothing when another one has taken its place. */
  | {
      readonly kind: 'located';
      readonly fqdn: string;
      readonly key: Uint8Array;
      readonly usedMs: number;
      readonly location: StoredLocation | null;
    }
  | { readonly kind: 'ended'; readonly fqdn: string; readonly key: Uint8Array };

export interface SessionStore {
  /** In this order, all or none. */
  write(zone: string, changes: readonly SessionChange[]): Promise<void>;
  /** Those in use since then; the others are removed. */
  restore(zone: string, sinceMs: number): Promise<StoredSession[]>;
}
