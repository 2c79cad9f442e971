/**
 * TAI64N timestamps (https://cr.yp.to/libtai/tai64.html): 8 bytes of seconds, 4 of nanoseconds, big endian, so that
 * byte order is time order. A responder accepts only newer ones, which makes an initiation good once.
 */
const TAI64_EPOCH = 0x400000000000000an;
/** Coarse, so that timestamps tell little about the sender's clock (as wireguard-go's whitener does). */
const GRAIN_NS = 0x1000000;

export const TAI64N_LENGTH = 12;

/** Timestamps that always rise, also when the wall clock is set back while this runs. */
export class TimestampSource {
  private last = new Uint8Array(TAI64N_LENGTH);

  next(wallTimeMs: number): Uint8Array {
    let timestamp = encode(wallTimeMs);
    if (Buffer.compare(timestamp, this.last) <= 0) timestamp = successor(this.last);
    this.last = timestamp;
    return timestamp.slice();
  }
}

function encode(wallTimeMs: number): Uint8Array<ArrayBuffer> {
  const seconds = Math.floor(wallTimeMs / 1000);
  const nanoseconds = Math.floor((wallTimeMs - seconds * 1000) * 1e6);
  const bytes = new Uint8Array(TAI64N_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, TAI64_EPOCH + BigInt(seconds));
  view.setUint32(8, nanoseconds - (nanoseconds % GRAIN_NS));
  return bytes;
}

function successor(timestamp: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(timestamp);
  const view = new DataView(bytes.buffer);
  const nanoseconds = view.getUint32(8) + 1;
  view.setUint32(8, nanoseconds % 1e9);
  if (nanoseconds === 1e9) view.setBigUint64(0, view.getBigUint64(0) + 1n);
  return bytes;
}
