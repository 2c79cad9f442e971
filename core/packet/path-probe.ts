/**
 * NTMobile control inside a tunnel: packets whose first nibble is 0, so that they are no IP. Another WireGuard drops
 * them. Described in PROTOCOL.md (core/wire/describe.ts).
 *
 *   probe    type 0x01, challenge (8), length (2, big endian), zeros up to `length`
 *   answer   type 0x02, challenge (8), length (2): that of the probe, as it arrived
 *   notice   type 0x03, challenge (8), length (2): 15, move (4): a probe of a node that is in another network since its
 *            move of this number
 *   call     type 0x04, challenge (8), length (2): 29, address (16; IPv4 as ::ffff:a.b.c.d), port (2): where an interface
 *            of its sender's that stands by is seen from outside; who gets it sends one probe there (paths/calls.ts)
 *
 * These are the paper's Tunnel Request and Tunnel Response on a path that a tunnel is already known to take.
 */
import type { Endpoint } from '../wire/addresses';
import { formatWide, wideBytes } from '../wire/ip-text';

const TYPE = { probe: 0x01, answer: 0x02, notice: 0x03, call: 0x04 } as const;
const CHALLENGE = 1;
const LENGTH = 9;
const LEAST_LENGTH = 11;
const MOVE = LEAST_LENGTH;
const NOTICE_LENGTH = MOVE + 4;
const ADDRESS = LEAST_LENGTH;
const PORT = ADDRESS + 16;
const CALL_LENGTH = PORT + 2;

export interface PathMessage {
  readonly kind: keyof typeof TYPE;
  /** 8 bytes; only who got the probe can know it. */
  readonly challenge: Uint8Array;
  /** Of the probe, bytes. */
  readonly length: number;
  /** Of a notice: its sender's moves until now, 32 bits. */
  readonly move?: number;
  /** Of a call. */
  readonly endpoint?: Endpoint;
}

export function encodePathMessage({
  kind,
  challenge,
  length,
}: PathMessage & { readonly kind: 'probe' | 'answer' }): Uint8Array {
  return begin(kind, challenge, length, kind === 'probe' ? length : LEAST_LENGTH);
}

/** A probe of the path alone, no longer than it need be. */
export function encodeLeastProbe(challenge: Uint8Array): Uint8Array {
  return encodePathMessage({ kind: 'probe', challenge, length: LEAST_LENGTH });
}

export function encodeNotice(challenge: Uint8Array, move: number): Uint8Array {
  const bytes = begin('notice', challenge, NOTICE_LENGTH);
  new DataView(bytes.buffer).setUint32(MOVE, move);
  return bytes;
}

/** `endpoint`: with an IP address without zone. */
export function encodeCall(challenge: Uint8Array, { address, port }: Endpoint): Uint8Array {
  const bytes = begin('call', challenge, CALL_LENGTH);
  bytes.set(wideBytes(address), ADDRESS);
  new DataView(bytes.buffer).setUint16(PORT, port);
  return bytes;
}

/** `undefined` for what is none of these, or a probe that is not as long as it says. May be followed by padding. */
export function decodePathMessage(bytes: Uint8Array): PathMessage | undefined {
  if (bytes.length < LEAST_LENGTH) return undefined;
  const length = (bytes[LENGTH]! << 8) | bytes[LENGTH + 1]!;
  const challenge = bytes.slice(CHALLENGE, LENGTH);
  if (bytes[0] === TYPE.answer) return { kind: 'answer', challenge, length };
  if (bytes[0] === TYPE.notice && bytes.length >= NOTICE_LENGTH && length === NOTICE_LENGTH) {
    const move = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MOVE);
    return { kind: 'notice', challenge, length, move };
  }
  if (bytes[0] === TYPE.call && bytes.length >= CALL_LENGTH && length === CALL_LENGTH) {
    return { kind: 'call', challenge, length, endpoint: endpointIn(bytes) };
  }
  if (bytes[0] === TYPE.probe && bytes.length >= length) return { kind: 'probe', challenge, length };
  return undefined;
}

function begin(kind: PathMessage['kind'], challenge: Uint8Array, length: number, size = length): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes[0] = TYPE[kind];
  bytes.set(challenge, CHALLENGE);
  bytes[LENGTH] = length >> 8;
  bytes[LENGTH + 1] = length & 0xff;
  return bytes;
}

function endpointIn(bytes: Uint8Array): Endpoint {
  const port = (bytes[PORT]! << 8) | bytes[PORT + 1]!;
  return { address: formatWide(bytes.subarray(ADDRESS, PORT)), port };
}
