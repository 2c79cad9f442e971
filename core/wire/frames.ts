/** Signalling datagrams on a TCP stream, as between node and NS: a length (2 bytes, big endian) before each. */
import { DATAGRAM_LIMIT } from './header';

const LENGTH = 2;

export function frame(datagram: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH + datagram.length);
  new DataView(bytes.buffer).setUint16(0, datagram.length);
  bytes.set(datagram, LENGTH);
  return bytes;
}

/** Puts a stream's chunks together to datagrams; holds at most one frame. */
export class FrameReader {
  private rest: Uint8Array = new Uint8Array(0);

  /** The datagrams that are complete now, or `undefined` when the stream breaks the framing and must be closed. */
  push(chunk: Uint8Array): Uint8Array[] | undefined {
    let bytes = this.rest.length ? new Uint8Array(Buffer.concat([this.rest, chunk])) : chunk;
    const datagrams: Uint8Array[] = [];
    while (bytes.length >= LENGTH) {
      const length = (bytes[0]! << 8) | bytes[1]!;
      if (length === 0 || length > DATAGRAM_LIMIT) return undefined;
      if (bytes.length < LENGTH + length) break;
      datagrams.push(bytes.slice(LENGTH, LENGTH + length));
      bytes = bytes.subarray(LENGTH + length);
    }
    this.rest = bytes.slice();
    return datagrams;
  }
}
