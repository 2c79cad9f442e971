/**
 * A tunnel's datagram on its way through a relay server (RS), either direction:
 *
 *   0        magic 0x52 ('R')
 *   1        version
 *   2..9     path id, given by the RS: 4 bytes of slot, big endian, 4 random bytes
 *   10..     WireGuard datagram; the RS reads its first byte only
 *
 * The RS answers a frame that it cannot place with a hint, the same ten bytes with magic 0x72 ('r'): anyone may send
 * one and nobody may believe it, but the node that gets it asks by a sealed Relay Bind.
 */
export const RELAY_MAGIC = 0x52;
export const RELAY_HINT_MAGIC = 0x72;
export const RELAY_HEADER_LENGTH = 10;
export const PATH_ID_LENGTH = 8;

const RELAY_VERSION = 1;
const PATH_ID = 2;
const SLOT_LENGTH = 4;
/** A WireGuard datagram has at least so many bytes: an empty transport message (white paper section 5.4.6). */
const LEAST_DATAGRAM = 32;

/** Ten bytes in front of a datagram, at the start of `frame`. */
export function writeRelayHeader(frame: Uint8Array, pathId: Uint8Array): void {
  frame[0] = RELAY_MAGIC;
  frame[1] = RELAY_VERSION;
  frame.set(pathId, PATH_ID);
}

export function relayHint(pathId: Uint8Array): Uint8Array {
  const hint = new Uint8Array(RELAY_HEADER_LENGTH);
  writeRelayHeader(hint, pathId);
  hint[0] = RELAY_HINT_MAGIC;
  return hint;
}

/** What claims to be a relay frame is one, of this version, with a WireGuard datagram in it. */
export function isRelayFrame(frame: Uint8Array): boolean {
  if (frame.length < RELAY_HEADER_LENGTH + LEAST_DATAGRAM || frame[1] !== RELAY_VERSION) return false;
  const type = frame[RELAY_HEADER_LENGTH]!;
  return type >= 1 && type <= 4;
}

export function isRelayHint(datagram: Uint8Array): boolean {
  return datagram.length === RELAY_HEADER_LENGTH && datagram[1] === RELAY_VERSION;
}

/** Of a frame or hint that has been checked; a view. */
export function pathIdOf(frame: Uint8Array): Uint8Array {
  return new Uint8Array(frame.buffer, frame.byteOffset + PATH_ID, PATH_ID_LENGTH);
}

export function relayedDatagram(frame: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = frame;
  return new Uint8Array(buffer, byteOffset + RELAY_HEADER_LENGTH, length - RELAY_HEADER_LENGTH);
}

/** What of a tunnel's handshake a frame carries, if it does: told by the first byte (white paper sections 5.4.2, 5.4.3). */
export function handshakeIn(frame: Uint8Array): 'Tunnel Request' | 'Tunnel Response' | undefined {
  const type = frame[RELAY_HEADER_LENGTH];
  if (type === 1) return 'Tunnel Request';
  return type === 2 ? 'Tunnel Response' : undefined;
}

/** Slots are numbers from 0. */
export function makePathId(slot: number, random: Uint8Array): Uint8Array {
  const pathId = new Uint8Array(PATH_ID_LENGTH);
  new DataView(pathId.buffer).setUint32(0, slot);
  pathId.set(random.subarray(0, PATH_ID_LENGTH - SLOT_LENGTH), SLOT_LENGTH);
  return pathId;
}

export function slotOf(frame: Uint8Array): number {
  return frame[2]! * 0x1000000 + ((frame[3]! << 16) | (frame[4]! << 8) | frame[5]!);
}

export function slotOfPath(pathId: Uint8Array): number {
  return pathId[0]! * 0x1000000 + ((pathId[1]! << 16) | (pathId[2]! << 8) | pathId[3]!);
}

export function hasPathId(frame: Uint8Array, pathId: Uint8Array): boolean {
  for (let i = 0; i < PATH_ID_LENGTH; i++) if (frame[PATH_ID + i] !== pathId[i]) return false;
  return true;
}
