/**
 * The buffers in which packets are padded, sealed and opened; every use ends before the next begins.
 * Not Buffers: their slice() would be a view, not the copy that a receiver expects.
 */
const DATAGRAM_LIMIT = 65_535;

export class ScratchBuffers {
  private readonly padding = new Uint8Array(DATAGRAM_LIMIT + 16);
  private readonly sealing = new Uint8Array(DATAGRAM_LIMIT + 64);
  private readonly opening = new Uint8Array(DATAGRAM_LIMIT);

  /** `packet` with zeros up to `length`. */
  padded(packet: Uint8Array, length: number): Uint8Array {
    const view = this.padding.subarray(0, length);
    view.set(packet);
    view.fill(0, packet.length);
    return view;
  }

  sealed(length: number): Uint8Array {
    return this.sealing.subarray(0, length);
  }

  opened(length: number): Uint8Array {
    return this.opening.subarray(0, length);
  }

  /** Leaves no plaintext behind. */
  clear(): void {
    for (const buffer of [this.padding, this.sealing, this.opening]) buffer.fill(0);
  }
}
