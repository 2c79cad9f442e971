/**
 * NTMobile control inside a tunnel: packets whose first nibble is 0, so that they are no IP. Another WireGuard drops
 * them. Described in PROTOCOL.md (core/wire/describe.ts).
 *
 *   probe    type 0x01, challenge (8), length (2, big endian), zeros up to `length`
 *   answer   type 0x02, challenge (8), length (2): that of the probe, as it arrived
 *
 * These are the paper's Tunnel Request and Tunnel Response on a path that a tunnel is already known to take.
 */
const TYPE = { probe: 0x01, answer: 0x02 } as const;
const CHALLENGE = 1;
const LENGTH = 9;
const LEAST_LENGTH = 11;

export interface PathMessage {
  readonly kind: keyof typeof TYPE;
  /** 8 bytes; only who got the probe can know it. */
  readonly challenge: Uint8Array;
  /** Of the probe, bytes. */
  readonly length: number;
}

export function encodePathMessage({ kind, challenge, length }: PathMessage): Uint8Array {
  const bytes = new Uint8Array(kind === 'probe' ? length : LEAST_LENGTH);
  bytes[0] = TYPE[kind];
  bytes.set(challenge, CHALLENGE);
  bytes[LENGTH] = length >> 8;
  bytes[LENGTH + 1] = length & 0xff;
  return bytes;
}

/** A probe of the path alone, no longer than it need be. */
export function encodeLeastProbe(challenge: Uint8Array): Uint8Array {
  return encodePathMessage({ kind: 'probe', challenge, length: LEAST_LENGTH });
}

/** `undefined` for what is neither, or a probe that is not as long as it says. May be followed by padding. */
export function decodePathMessage(bytes: Uint8Array): PathMessage | undefined {
  if (bytes.length < LEAST_LENGTH) return undefined;
  const length = (bytes[LENGTH]! << 8) | bytes[LENGTH + 1]!;
  const challenge = bytes.slice(CHALLENGE, LENGTH);
  if (bytes[0] === TYPE.answer) return { kind: 'answer', challenge, length };
  if (bytes[0] === TYPE.probe && bytes.length >= length) return { kind: 'probe', challenge, length };
  return undefined;
}
