/**
 * The few fields of an IP packet that the tunnel looks at (RFC 791 section 3.1, RFC 8200 section 3), where they lie:
 * nothing is made for each packet.
 */
const IPV4 = { totalLength: 2, source: 12, destination: 16, addressLength: 4, least: 20 } as const;
const IPV6 = { payloadLength: 4, source: 8, destination: 24, addressLength: 16, least: 40 } as const;

/** The length without padding behind the packet; 0 for what is not a whole IP packet. */
export function ipLength(bytes: Uint8Array): number {
  switch (bytes.length === 0 ? 0 : bytes[0]! >> 4) {
    case 4: {
      const length = bytes.length < IPV4.least ? 0 : uint16(bytes, IPV4.totalLength);
      return length < IPV4.least || length > bytes.length ? 0 : length;
    }
    case 6: {
      const length = bytes.length < IPV6.least ? 0 : IPV6.least + uint16(bytes, IPV6.payloadLength);
      return length > bytes.length ? 0 : length;
    }
    default:
      return 0;
  }
}

/** Where the addresses of a whole packet lie. */
export function addressesOf(packet: Uint8Array): typeof IPV4 | typeof IPV6 {
  return packet[0]! >> 4 === 4 ? IPV4 : IPV6;
}

/** 4 or 16 bytes, a view into the whole packet. */
export function destinationOf(packet: Uint8Array): Uint8Array {
  const { destination, addressLength } = addressesOf(packet);
  return packet.subarray(destination, destination + addressLength);
}

function uint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}
