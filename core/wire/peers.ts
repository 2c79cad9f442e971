/** The parties that a signalling port shares keys with, and the strangers whose first contact is being handled. */
import { Answers } from './answers';
import { hex, type SharedKey } from './keys';
import type { Party } from './messages';
import { TransactionWindow } from './transaction-window';

/** First contacts handled at the same time. Each costs the AS a password hash. */
export const STRANGERS_LIMIT = 64;

/** Messages of one node handled at the same time: as many as its transaction window tells apart. */
export const AT_ONCE_LIMIT = 256;

/** A party with whom a key is shared. */
export interface Peer {
  readonly key: SharedKey;
  readonly party: Party;
  /** For traces: an FQDN or a server's name. */
  readonly name: string;
}

export interface PeerState extends Peer {
  nextTransaction: bigint;
  readonly window: TransactionWindow;
  readonly answers: Answers;
}

export class Peers {
  private readonly known = new Map<string, PeerState>();
  private readonly strangers = new Map<string, PeerState>();
  /** Messages that are being handled, by key id. */
  private readonly handling = new Map<string, number>();

  /** `wallTimeMs` is asked once for each new peer. */
  constructor(private readonly wallTimeMs: () => number) {}

  /** A stranger becomes a peer by this; what was seen of it is kept. */
  add(peer: Peer): PeerState {
    const id = hex(peer.key.id);
    const state = this.known.get(id) ?? { ...this.newState(peer), ...peer };
    this.known.set(id, state);
    return state;
  }

  remove(peer: Peer): void {
    this.known.delete(hex(peer.key.id));
  }

  find(keyId: Uint8Array): PeerState | undefined {
    return this.known.get(hex(keyId));
  }

  /** The party behind a box. Nothing is remembered of a stranger until `meet`: anyone can make a box. */
  behind(key: SharedKey): PeerState {
    const id = hex(key.id);
    const known = this.known.get(id) ?? this.strangers.get(id);
    return known ?? this.newState({ key, party: 'node', name: 'a stranger' });
  }

  /**
   * Remembers a stranger while its message is handled: a stranger has one, a node as many as are worth the work they
   * make, and servers, who speak for many, any number. Says what there is too much of, or `undefined`.
   */
  meet(peer: PeerState): 'too many strangers' | 'too many at once' | undefined {
    const id = hex(peer.key.id);
    const handling = this.handling.get(id) ?? 0;
    const known = this.known.get(id);
    const limit = known ? (known.party === 'node' ? AT_ONCE_LIMIT : Infinity) : 1;
    if (handling >= limit) return 'too many at once';
    if (!known && this.strangers.size >= STRANGERS_LIMIT) return 'too many strangers';
    if (!known) this.strangers.set(id, peer);
    this.handling.set(id, handling + 1);
    return undefined;
  }

  /** A message that `meet` let in was handled. */
  part(peer: Peer): void {
    const id = hex(peer.key.id);
    const handling = (this.handling.get(id) ?? 1) - 1;
    if (handling > 0) this.handling.set(id, handling);
    else this.handling.delete(id);
    this.strangers.delete(id);
  }

  clear(): void {
    this.known.clear();
    this.strangers.clear();
    this.handling.clear();
  }

  /**
   * Transaction ids start at the wall clock, so that they go on rising when a party with a long-term key restarts
   * (as WireGuard's TAI64N does for handshakes).
   */
  private newState(peer: Peer): PeerState {
    const nextTransaction = BigInt(Math.floor(this.wallTimeMs())) << 20n;
    return { nextTransaction, window: new TransactionWindow(), answers: new Answers(), ...peer };
  }
}
