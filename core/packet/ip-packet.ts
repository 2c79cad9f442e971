/** The few fields of an IP packet that the tunnel looks at (RFC 791 section 3.1, RFC 8200 section 3). */
const IPV4 = { totalLength: 2, source: 12, destination: 16, least: 20 } as const;
const IPV6 = { payloadLength: 4, source: 8, destination: 24, least: 40 } as const;

export interface IpPacket {
  /** Without padding behind the packet. */
  readonly length: number;
  /** 4 or 16 bytes, views into the packet. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** `undefined` for what is not a whole IP packet. */
export function readIpPacket(bytes: Uint8Array): IpPacket | undefined {
  switch (bytes.length === 0 ? 0 : bytes[0]! >> 4) {
    case 4: {
      const length = bytes.length < IPV4.least ? 0 : uint16(bytes, IPV4.totalLength);
      if (length < IPV4.least || length > bytes.length) return undefined;
      return {
        length,
        source: bytes.subarray(IPV4.source, IPV4.destination),
        destination: bytes.subarray(IPV4.destination, IPV4.least),
      };
    }
    case 6: {
      const length = bytes.length < IPV6.least ? 0 : IPV6.least + uint16(bytes, IPV6.payloadLength);
      if (length < IPV6.least || length > bytes.length) return undefined;
      return {
        length,
        source: bytes.subarray(IPV6.source, IPV6.destination),
        destination: bytes.subarray(IPV6.destination, IPV6.least),
      };
    }
    default:
      return undefined;
  }
}

function uint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}
