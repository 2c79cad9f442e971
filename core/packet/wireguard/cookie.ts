/**
 * The two macs of handshake messages (white paper sections 5.3, 5.4.4 and 5.4.7). mac1 shows that the sender knows our
 * public key, and costs one hash to check; mac2 shows, while we are under load, that it can receive where it sends from.
 */
import type { Clock, Random } from '../../runtime';
import { pathKey, type Path } from '../path';
import { COOKIE_LIFETIME_MS, LABEL_COOKIE, LABEL_MAC1 } from './constants';
import { hash, mac, xaeadOpen, xaeadSeal } from './crypto';
import { CookieReply, type HandshakeLayout, MessageType, readIndex, writeIndex } from './messages';

const MAC_LENGTH = 16;
const NONCE_LENGTH = 24;

/** The responder's side: checks macs and gives out cookies. */
export class CookieChecker {
  private readonly mac1Key: Uint8Array;
  private readonly cookieKey: Uint8Array;
  private secret: { readonly bytes: Uint8Array; readonly expiresMs: number } | undefined;

  constructor(
    ownPublicKey: Uint8Array,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.mac1Key = hash(LABEL_MAC1, ownPublicKey);
    this.cookieKey = hash(LABEL_COOKIE, ownPublicKey);
  }

  mac1Is(message: Uint8Array, layout: HandshakeLayout): boolean {
    const expected = mac(this.mac1Key, message.subarray(0, layout.mac1));
    return sameMac(expected, message.subarray(layout.mac1, layout.mac2));
  }

  mac2Is(message: Uint8Array, layout: HandshakeLayout, from: Path): boolean {
    const expected = mac(this.cookieFor(from), message.subarray(0, layout.mac2));
    return sameMac(expected, message.subarray(layout.mac2, layout.length));
  }

  reply(message: Uint8Array, layout: HandshakeLayout, from: Path): Uint8Array {
    const reply = new Uint8Array(CookieReply.length);
    const nonce = this.random.bytes(NONCE_LENGTH);
    const mac1 = message.subarray(layout.mac1, layout.mac2);
    reply[0] = MessageType.cookieReply;
    writeIndex(reply, CookieReply.receiver, readIndex(message, layout.sender));
    reply.set(nonce, CookieReply.nonce);
    reply.set(xaeadSeal(this.cookieKey, nonce, this.cookieFor(from), mac1), CookieReply.cookie);
    return reply;
  }

  private cookieFor(from: Path): Uint8Array {
    const now = this.clock.now();
    if (!this.secret || now >= this.secret.expiresMs) {
      this.secret = { bytes: this.random.bytes(32), expiresMs: now + COOKIE_LIFETIME_MS };
    }
    return mac(this.secret.bytes, Buffer.from(pathKey(from)));
  }
}

/** The initiator's side, towards one peer: adds macs, keeps the cookie that the peer gave. */
export class CookieKeeper {
  private readonly mac1Key: Uint8Array;
  private readonly cookieKey: Uint8Array;
  private lastMac1: Uint8Array | undefined;
  private cookie: { readonly bytes: Uint8Array; readonly expiresMs: number } | undefined;

  constructor(
    peerPublicKey: Uint8Array,
    private readonly clock: Clock,
  ) {
    this.mac1Key = hash(LABEL_MAC1, peerPublicKey);
    this.cookieKey = hash(LABEL_COOKIE, peerPublicKey);
  }

  addMacs(message: Uint8Array, layout: HandshakeLayout): void {
    this.lastMac1 = mac(this.mac1Key, message.subarray(0, layout.mac1));
    message.set(this.lastMac1, layout.mac1);
    if (!this.cookie || this.clock.now() >= this.cookie.expiresMs) return;
    message.set(mac(this.cookie.bytes, message.subarray(0, layout.mac2)), layout.mac2);
  }

  /** False when the reply is not an answer to our last message. */
  accept(reply: Uint8Array): boolean {
    if (!this.lastMac1) return false;
    const nonce = reply.subarray(CookieReply.nonce, CookieReply.cookie);
    const bytes = xaeadOpen(this.cookieKey, nonce, reply.subarray(CookieReply.cookie), this.lastMac1);
    if (!bytes) return false;
    this.cookie = { bytes, expiresMs: this.clock.now() + COOKIE_LIFETIME_MS };
    this.lastMac1 = undefined;
    return true;
  }
}

function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < MAC_LENGTH; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
