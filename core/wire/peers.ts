/** The parties that a signalling port shares keys with, and the strangers whose first contact is being handled. */
import { Answers } from './answers';
import { textOf, type SharedKey } from './keys';
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

export class PeerState implements Peer {
  constructor(
    readonly key: SharedKey,
    readonly party: Party,
    readonly name: string,
    /**
     * Transaction ids start at the wall clock, so that they go on rising when a party with a long-term key restarts
     * (as WireGuard's TAI64N does for handshakes).
     */
    public nextTransaction: bigint,
    readonly window = new TransactionWindow(),
    readonly answers = new Answers(),
  ) {}
}

/** Tables are by the text of key ids (keys.ts). */
export class Peers {
  private readonly known = new Map<string, PeerState>();
  private readonly strangers = new Map<string, PeerState>();
  /** Messages that are being handled. */
  private readonly handling = new Map<string, number>();

  /** `wallTimeMs` is asked once for each new peer. */
  constructor(private readonly wallTimeMs: () => number) {}

  /** A stranger becomes a peer by this; what was seen of it is kept. `seenUpTo`: see TransactionWindow. */
  add(peer: Peer, seenUpTo?: bigint): PeerState {
    const { key, party, name } = peer;
    const known = this.known.get(key.idText);
    if (known) return known;
    const { nextTransaction, window = new TransactionWindow(seenUpTo), answers }: Partial<PeerState> = peer;
    const state = new PeerState(key, party, name, nextTransaction ?? this.firstTransaction(), window, answers);
    this.known.set(key.idText, state);
    return state;
  }

  remove(peer: Peer): void {
    this.known.delete(peer.key.idText);
  }

  find(keyId: Uint8Array): PeerState | undefined {
    return this.known.get(textOf(keyId));
  }

  /** The party behind a box. Nothing is remembered of a stranger until `meet`: anyone can make a box. */
  behind(key: SharedKey): PeerState {
    const known = this.known.get(key.idText) ?? this.strangers.get(key.idText);
    return known ?? new PeerState(key, 'node', 'a stranger', this.firstTransaction());
  }

  /**
   * Remembers a stranger while its message is handled: a stranger has one, a node as many as are worth the work they
   * make, and servers, who speak for many, any number. Says what there is too much of, or `undefined`.
   */
  meet(peer: PeerState): 'too many strangers' | 'too many at once' | undefined {
    const id = peer.key.idText;
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
  part({ key: { idText } }: Peer): void {
    const handling = (this.handling.get(idText) ?? 1) - 1;
    if (handling > 0) this.handling.set(idText, handling);
    else this.handling.delete(idText);
    this.strangers.delete(idText);
  }

  clear(): void {
    this.known.clear();
    this.strangers.clear();
    this.handling.clear();
  }

  private firstTransaction(): bigint {
    return BigInt(Math.floor(this.wallTimeMs())) << 20n;
  }
}
