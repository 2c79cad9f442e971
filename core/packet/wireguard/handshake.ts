/**
 * Handshakes with one peer, either way round. Both may run at once: as initiator there is a pending initiation, as
 * responder nothing is kept, because a response completes it.
 */
import type { Clock, Random } from '../../runtime';
import { INITIATION_INTERVAL_MS, KEY_LENGTH } from './constants';
import { CookieKeeper } from './cookie';
import { type DhKeyPair, keyPair } from '../../wire/x25519';
import { Initiation, readIndex, Response } from './messages';
import { createInitiation, createResponse, openResponse, type InitiatorState } from './noise';
import type { OpenedInitiation, TransportKeys } from './noise';
import { type TimestampSource, TAI64N_LENGTH } from './tai64n';

export interface HandshakeContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly own: DhKeyPair;
  readonly timestamps: TimestampSource;
}

export type Answer =
  { readonly message: Uint8Array; readonly keys: TransportKeys } | 'replayed' | 'too often' | 'bad key';

export class Handshake {
  private readonly cookies: CookieKeeper;
  /** A copy of our own, to overwrite when it is done with. */
  private readonly presharedKey: Uint8Array;
  private pending: InitiatorState | undefined;
  private newestTimestamp = new Uint8Array(TAI64N_LENGTH);
  private lastAnsweredMs = -Infinity;

  constructor(
    private readonly context: HandshakeContext,
    private readonly peerPublicKey: Uint8Array,
    presharedKey: Uint8Array,
  ) {
    this.presharedKey = presharedKey.slice();
    this.cookies = new CookieKeeper(peerPublicKey, context.clock);
  }

  setPresharedKey(presharedKey: Uint8Array): void {
    this.presharedKey.set(presharedKey);
  }

  /** A fresh initiation, which replaces one that is pending. `undefined` when the peer's key is of low order. */
  initiate(localIndex: number): Uint8Array | undefined {
    const { own, timestamps, clock } = this.context;
    const timestamp = timestamps.next(clock.wallTimeMs());
    const created = createInitiation(own, this.peerPublicKey, this.ephemeral(), timestamp, localIndex);
    if (!created) return undefined;
    this.cookies.addMacs(created.message, Initiation);
    this.clear();
    this.pending = created.state;
    return created.message;
  }

  /** The keys, or `undefined` when this response does not belong to the pending initiation. */
  complete(response: Uint8Array): { keys: TransportKeys; remoteIndex: number } | undefined {
    if (!this.pending) return undefined;
    const keys = openResponse(this.context.own, this.pending, this.presharedKey, response);
    if (!keys) return undefined;
    this.clear();
    return { keys, remoteIndex: readIndex(response, Response.sender) };
  }

  answer(initiation: OpenedInitiation, remoteIndex: number, localIndex: number): Answer {
    if (Buffer.compare(initiation.timestamp, this.newestTimestamp) <= 0) return 'replayed';
    const now = this.context.clock.now();
    if (now - this.lastAnsweredMs < INITIATION_INTERVAL_MS) return 'too often';
    const ephemeral = this.ephemeral();
    const created = createResponse(initiation, this.presharedKey, ephemeral, localIndex, remoteIndex);
    ephemeral.forget();
    if (!created) return 'bad key';
    initiation.c.fill(0);
    this.newestTimestamp = new Uint8Array(initiation.timestamp);
    this.lastAnsweredMs = now;
    this.cookies.addMacs(created.message, Response);
    return created;
  }

  acceptCookie(reply: Uint8Array): boolean {
    return this.cookies.accept(reply);
  }

  /** Forgets the pending initiation. */
  clear(): void {
    this.pending?.c.fill(0);
    this.pending?.ephemeral.forget();
    this.pending = undefined;
  }

  close(): void {
    this.clear();
    this.presharedKey.fill(0);
  }

  private ephemeral(): DhKeyPair {
    const secret = this.context.random.bytes(KEY_LENGTH);
    const pair = keyPair(secret);
    secret.fill(0);
    return pair;
  }
}
