/**
 * The buffers in which packets are padded, sealed and opened; every use ends before the next begins.
 * Not Buffers: their slice() would be a view, not the copy that a receiver expects.
 */
import { PADDING } from './constants';
import { Transport } from './messages';

const DATAGRAM_LIMIT = 65_535;
/** Views of up to this many bytes are made once: making one costs as much as copying a packet. */
const KEPT_LENGTH = 2_048;

export class ScratchBuffers {
  private readonly padding = new Uint8Array(DATAGRAM_LIMIT + PADDING);
  private readonly sealing = new Uint8Array(DATAGRAM_LIMIT + 64);
  private readonly opening = new Uint8Array(DATAGRAM_LIMIT);
  private readonly paddingViews = new Views(this.padding);
  private readonly sealingViews = new Views(this.sealing);
  private readonly bodyViews = new Views(this.sealing.subarray(Transport.packet));
  private readonly openingViews = new Views(this.opening);

  /** `packet` with zeros up to `length`. */
  padded(packet: Uint8Array, length: number): Uint8Array {
    const view = this.paddingViews.first(length);
    view.set(packet);
    view.fill(0, packet.length);
    return view;
  }

  sealed(length: number): Uint8Array {
    return this.sealingViews.first(length);
  }

  /** What is behind the header of the same datagram. */
  sealedBody(length: number): Uint8Array {
    return this.bodyViews.first(length - Transport.packet);
  }

  opened(length: number): Uint8Array {
    return this.openingViews.first(length);
  }

  /** Leaves no plaintext behind. */
  clear(): void {
    for (const buffer of [this.padding, this.sealing, this.opening]) buffer.fill(0);
  }
}

class Views {
  /** By the length in units of PADDING; other lengths are not the protocol's. */
  private readonly kept = new Array<Uint8Array | undefined>(KEPT_LENGTH / PADDING + 1).fill(undefined);

  constructor(private readonly memory: Uint8Array) {}

  first(length: number): Uint8Array {
    if (length % PADDING !== 0 || length > KEPT_LENGTH) return this.memory.subarray(0, length);
    return (this.kept[length / PADDING] ??= this.memory.subarray(0, length));
  }
}
