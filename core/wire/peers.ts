/** The parties that a signalling port shares keys with, and the strangers whose first contact is being handled. */
import { Answers } from './answers';
import { hex, type SharedKey } from './keys';
import type { Party } from './messages';
import { TransactionWindow } from './transaction-window';

/** First contacts handled at the same time. Each costs the AS a password hash. */
const STRANGERS_LIMIT = 64;

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

  /** Remembers a stranger while its message is handled. False when there are too many of them. */
  meet(peer: PeerState): boolean {
    const id = hex(peer.key.id);
    if (this.known.has(id) || this.strangers.has(id)) return true;
    if (this.strangers.size >= STRANGERS_LIMIT) return false;
    this.strangers.set(id, peer);
    return true;
  }

  /** The stranger's message was handled. */
  part(peer: Peer): void {
    this.strangers.delete(hex(peer.key.id));
  }

  clear(): void {
    this.known.clear();
    this.strangers.clear();
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
