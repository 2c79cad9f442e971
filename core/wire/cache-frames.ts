/**
 * Bytes of cached items between a node and a CS. They go over the same TCP connection as the signalling, in frames of
 * the same kind (frames.ts), told apart by the first byte. Items are sealed end to end, so their bytes are not sealed
 * again; both sides compare them with the SHA-256 that the signalling names.
 *
 *   0        magic 0x43 ('C')
 *   1        version
 *   2..9     transfer, big endian: the sender's number of it (towards the CS), the item's number (from the CS)
 *   10..13   offset of the first byte in the sealed item, big endian
 *   14..     bytes, 1 to 16,384
 */
const Offset = { magic: 0, version: 1, transfer: 2, offset: 10, bytes: 14 } as const;

export const CHUNK_MAGIC = 0x43;
const CHUNK_VERSION = 1;
export const CHUNK_LIMIT = 16_384;
/** The longest frame of such a connection, without its length. */
export const CACHE_FRAME_LIMIT = Offset.bytes + CHUNK_LIMIT;
/** Bytes of an item that are asked for at once, and written to disk at once. */
export const PART_LENGTH = 65_536;

export interface Chunk {
  readonly transfer: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export function writeChunk({ transfer, offset, bytes }: Chunk): Uint8Array {
  const chunk = new Uint8Array(Offset.bytes + bytes.length);
  const view = new DataView(chunk.buffer);
  chunk[Offset.magic] = CHUNK_MAGIC;
  chunk[Offset.version] = CHUNK_VERSION;
  view.setBigUint64(Offset.transfer, BigInt(transfer));
  view.setUint32(Offset.offset, offset);
  chunk.set(bytes, Offset.bytes);
  return chunk;
}

/** `undefined` for what is not one. The bytes are those of `frame`, not a copy. */
export function readChunk(frame: Uint8Array): Chunk | undefined {
  const isChunk = frame[Offset.magic] === CHUNK_MAGIC && frame[Offset.version] === CHUNK_VERSION;
  if (!isChunk || frame.length <= Offset.bytes || frame.length > CACHE_FRAME_LIMIT) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const transfer = view.getBigUint64(Offset.transfer);
  if (transfer > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return { transfer: Number(transfer), offset: view.getUint32(Offset.offset), bytes: frame.subarray(Offset.bytes) };
}

/** An item's bytes from `start` to `end` as chunks. */
export function* chunksOf(transfer: number, sealed: Uint8Array, start: number, end: number): Iterable<Chunk> {
  for (let offset = start; offset < end; offset += CHUNK_LIMIT) {
    yield { transfer, offset, bytes: sealed.subarray(offset, Math.min(offset + CHUNK_LIMIT, end)) };
  }
}
