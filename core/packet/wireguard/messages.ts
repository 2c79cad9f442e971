/**
 * Layout of the four WireGuard messages (white paper section 5.4). Every offset is written here and nowhere else.
 *
 *   initiation (148)   type 4, sender 4, ephemeral 32, static 32+16, timestamp 12+16, mac1 16, mac2 16
 *   response (92)      type 4, sender 4, receiver 4, ephemeral 32, empty 0+16, mac1 16, mac2 16
 *   cookie reply (64)  type 4, receiver 4, nonce 24, cookie 16+16
 *   transport (32+)    type 4, receiver 4, counter 8 (little endian), packet n+16
 *
 * `type` is one byte and three reserved zeros. Integers are little endian.
 */
import { TAG_LENGTH } from './constants';

export const MessageType = { initiation: 1, response: 2, cookieReply: 3, transport: 4 } as const;

export const Initiation = {
  sender: 4,
  ephemeral: 8,
  static: 40,
  timestamp: 88,
  mac1: 116,
  mac2: 132,
  length: 148,
} as const;
export const Response = { sender: 4, receiver: 8, ephemeral: 12, empty: 44, mac1: 60, mac2: 76, length: 92 } as const;
export const CookieReply = { receiver: 4, nonce: 8, cookie: 32, length: 64 } as const;
export const Transport = { receiver: 4, counter: 8, packet: 16, least: 16 + TAG_LENGTH } as const;

export type HandshakeLayout = typeof Initiation | typeof Response;

export interface Parts {
  readonly sender: number;
  readonly ephemeral: Uint8Array;
}

/** The type of a datagram whose reserved bytes and length are right, or `undefined`. */
export function messageType(datagram: Uint8Array): (typeof MessageType)[keyof typeof MessageType] | undefined {
  if (datagram.length < 4 || datagram[1] !== 0 || datagram[2] !== 0 || datagram[3] !== 0) return undefined;
  switch (datagram[0]) {
    case MessageType.initiation:
      return datagram.length === Initiation.length ? MessageType.initiation : undefined;
    case MessageType.response:
      return datagram.length === Response.length ? MessageType.response : undefined;
    case MessageType.cookieReply:
      return datagram.length === CookieReply.length ? MessageType.cookieReply : undefined;
    case MessageType.transport:
      return datagram.length >= Transport.least ? MessageType.transport : undefined;
    default:
      return undefined;
  }
}

export function readIndex(datagram: Uint8Array, offset: number): number {
  return (
    (datagram[offset]! |
      (datagram[offset + 1]! << 8) |
      (datagram[offset + 2]! << 16) |
      (datagram[offset + 3]! << 24)) >>>
    0
  );
}

export function writeIndex(datagram: Uint8Array, offset: number, index: number): void {
  datagram[offset] = index;
  datagram[offset + 1] = index >>> 8;
  datagram[offset + 2] = index >>> 16;
  datagram[offset + 3] = index >>> 24;
}

/** The counter as a number; one that is not exact as such can be no honest peer's (constants.ts). */
export function readCounter(datagram: Uint8Array): number {
  return readIndex(datagram, Transport.counter) + readIndex(datagram, Transport.counter + 4) * 2 ** 32;
}

export function writeCounter(bytes: Uint8Array, offset: number, counter: number): void {
  writeIndex(bytes, offset, counter >>> 0);
  writeIndex(bytes, offset + 4, Math.floor(counter / 2 ** 32));
}
