/**
 * Datagrams on a stream, each behind its length: over TCP between a node and its NS or a CS; over TLS between a node
 * that has no UDP and its AS, DC and RS.
 *
 *   0..1   length, big endian, 1..1200; with a CS up to 16398, over TLS up to 2048
 *   2..    signalling datagram (header.ts), or with a CS bytes of an item (cache-frames.ts), or a frame of an RS
 *          (relay-frame.ts)
 */
import { DATAGRAM_LIMIT } from './header';

const LENGTH = 2;
/** Of a datagram over TLS: a tunnel's largest on Ethernet fit, and its MTU probes of more do not arrive. */
export const STREAM_DATAGRAM_LIMIT = 2_048;

export function frame(datagram: Uint8Array): Uint8Array {
  const framed = new Uint8Array(LENGTH + datagram.length);
  new DataView(framed.buffer).setUint16(0, datagram.length);
  framed.set(datagram, LENGTH);
  return framed;
}

/** Cuts a stream into datagrams. */
export class FrameReader {
  private rest: Uint8Array = new Uint8Array(0);

  constructor(private readonly limit = DATAGRAM_LIMIT) {}

  /** The datagrams that are now complete; `undefined` when the other side broke the protocol. */
  read(bytes: Uint8Array): Uint8Array[] | undefined {
    const stream = this.rest.length > 0 ? Buffer.concat([this.rest, bytes]) : bytes;
    const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
    const datagrams: Uint8Array[] = [];
    let at = 0;
    while (at + LENGTH <= stream.length) {
      const length = view.getUint16(at);
      if (length === 0 || length > this.limit) return undefined;
      if (at + LENGTH + length > stream.length) break;
      datagrams.push(new Uint8Array(stream.subarray(at + LENGTH, at + LENGTH + length)));
      at += LENGTH + length;
    }
    this.rest = new Uint8Array(stream.subarray(at));
    return datagrams;
  }
}
