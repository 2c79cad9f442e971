/**
 * Header of a signalling datagram. Read this first, then seal.ts (what follows the header) and messages.ts.
 *
 *   0        magic 0x4e ('N'); 1-4 are WireGuard, 0x52 ('R') is a relay frame: one UDP socket carries them all
 *   1        version
 *   2        flags: bits 0-1 seal, bit 5 part of a handover, bit 6 role of the sender, bit 7 this answers a request
 *   3        message type (messages.ts)
 *   4..11    transaction id, big endian; counts up per key and role
 *   12..19   key id: names the key that seals the body, or the receiver's public key in a first contact
 *
 * The header is authenticated: seal.ts puts a copy of it in front of the sealed body.
 */
export const SIGNALLING_MAGIC = 0x4e;
/** Of WireGuard's message types, which are first bytes. */
export const LAST_TUNNEL_TYPE = 4;
export const SIGNALLING_VERSION = 1;
export const HEADER_LENGTH = 20;

/** Most that a signalling datagram may have: fits the IPv6 minimum MTU of 1280 (RFC 8200 section 5) with room. */
export const DATAGRAM_LIMIT = 1200;

export const Offset = { magic: 0, version: 1, flags: 2, type: 3, transaction: 4, keyId: 12 } as const;

const KEY_ID_LENGTH = 8;
const SEAL_MASK = 0x03;
const HANDOVER_FLAG = 0x20;
const ROLE_FLAG = 0x40;
const RESPONSE_FLAG = 0x80;

export enum Seal {
  /** Notices that anyone may send and nobody may believe: hints only. */
  none = 0,
  /** secretbox under a key that both sides have. */
  secret = 1,
  /** First contact: the sender's public key follows, the rest is a box to the receiver's pinned key. */
  box = 2,
}

export interface Header {
  readonly version: number;
  readonly seal: Seal;
  /** Which side of the key the sender is: a message that comes back to its own role was reflected. */
  readonly role: 0 | 1;
  readonly response: boolean;
  /** Sent because a node has changed its network, by it or for it (Figure 7). */
  readonly handover: boolean;
  readonly type: number;
  readonly transaction: bigint;
  readonly keyId: Uint8Array;
}

/** Of a header, what the sender of a message says; the rest follows from the key. */
export type Meaning = Pick<Header, 'version' | 'response' | 'type' | 'transaction'> & { readonly handover?: boolean };

export function writeHeader({ seal, role, keyId, ...meaning }: Header): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH);
  writeHeaderTo(bytes, meaning, seal, role, keyId);
  return bytes;
}

/** Into the first 20 bytes. */
export function writeHeaderTo(
  bytes: Uint8Array,
  { version, response, handover = false, type, transaction }: Meaning,
  seal: Seal,
  role: 0 | 1,
  keyId: Uint8Array,
): void {
  bytes[Offset.magic] = SIGNALLING_MAGIC;
  bytes[Offset.version] = version;
  bytes[Offset.flags] = seal | (handover ? HANDOVER_FLAG : 0) | (role ? ROLE_FLAG : 0) | (response ? RESPONSE_FLAG : 0);
  bytes[Offset.type] = type;
  new DataView(bytes.buffer, bytes.byteOffset, HEADER_LENGTH).setBigUint64(Offset.transaction, transaction);
  for (let i = 0; i < KEY_ID_LENGTH; i++) bytes[Offset.keyId + i] = keyId[i]!;
}

/** `undefined` for what is not a signalling datagram. The version is left to the caller, who answers unknown ones. */
export function readHeader(datagram: Uint8Array): Header | undefined {
  if (datagram.length < HEADER_LENGTH || datagram[Offset.magic] !== SIGNALLING_MAGIC) return undefined;
  const flags = datagram[Offset.flags]!;
  const seal = flags & SEAL_MASK;
  if (seal > Seal.box || (flags & ~(SEAL_MASK | HANDOVER_FLAG | ROLE_FLAG | RESPONSE_FLAG)) !== 0) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  return {
    version: datagram[Offset.version]!,
    seal,
    role: flags & ROLE_FLAG ? 1 : 0,
    response: (flags & RESPONSE_FLAG) !== 0,
    handover: (flags & HANDOVER_FLAG) !== 0,
    type: datagram[Offset.type]!,
    transaction: view.getBigUint64(Offset.transaction),
    keyId: datagram.slice(Offset.keyId, HEADER_LENGTH),
  };
}
