/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, as tcpdump and Wireshark read them.
 *
 *   section header, interface description: once; then packets, and names whenever one becomes known
 *
 * A file may hold several sections, one behind the other, so that a program which starts again appends to it.
 */
const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const NAME_RESOLUTION = 4;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** IPv4 or IPv6 as its first nibble says, and nothing before it. */
const LINKTYPE_RAW = 101;
const LENGTH_UNKNOWN = 0xffffffff;

const Option = { end: 0, interfaceName: 2, application: 4, flags: 2 } as const;
const NameRecord = { end: 0, ipv4: 1, ipv6: 2 } as const;
/** Of a packet's flags, the two bits of its direction. */
const Direction = { in: 1, out: 2 } as const;

/** Type, total length; total length again at the end. */
const FRAME = 12;
/** Interface, timestamp high and low, captured length, original length. */
const PACKET_FIXED = 20;
/** The flags option of 4 bytes, and the end of options. */
const PACKET_OPTIONS = 12;

/** The beginning of a section with one interface. */
export function sectionStart(application: string, interfaceName: string): Buffer {
  const version = Buffer.alloc(16);
  version.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  version.writeUInt16LE(1, 4);
  version.writeUInt32LE(LENGTH_UNKNOWN, 8);
  version.writeUInt32LE(LENGTH_UNKNOWN, 12);
  const description = Buffer.alloc(8); // a snap length of 0: packets are whole
  description.writeUInt16LE(LINKTYPE_RAW, 0);
  const end = record(Option.end);
  return Buffer.concat([
    block(SECTION_HEADER, version, record(Option.application, Buffer.from(application)), end),
    block(INTERFACE_DESCRIPTION, description, record(Option.interfaceName, Buffer.from(interfaceName)), end),
  ]);
}

export function packetLength(packet: Uint8Array): number {
  return FRAME + PACKET_FIXED + padded(packet.length) + PACKET_OPTIONS;
}

/** Writes a packet of interface 0 into `target` at `offset`, where packetLength(packet) bytes are free. */
export function writePacket(
  target: Buffer,
  offset: number,
  packet: Uint8Array,
  direction: keyof typeof Direction,
  wallTimeMs: number,
): void {
  const length = packetLength(packet);
  const microseconds = Math.round(wallTimeMs * 1_000);
  target.fill(0, offset, offset + length);
  target.writeUInt32LE(ENHANCED_PACKET, offset);
  target.writeUInt32LE(length, offset + 4);
  target.writeUInt32LE(Math.floor(microseconds / 2 ** 32), offset + 12);
  target.writeUInt32LE(microseconds % 2 ** 32, offset + 16);
  target.writeUInt32LE(packet.length, offset + 20);
  target.writeUInt32LE(packet.length, offset + 24);
  target.set(packet, offset + 28);
  const options = offset + 28 + padded(packet.length);
  target.writeUInt16LE(Option.flags, options);
  target.writeUInt16LE(4, options + 2);
  target.writeUInt32LE(Direction[direction], options + 4);
  target.writeUInt32LE(length, offset + length - 4);
}

/** Whose an address is, 4 or 16 bytes in network order. */
export function nameResolution(address: Uint8Array, name: string): Buffer {
  const type = address.length === 4 ? NameRecord.ipv4 : NameRecord.ipv6;
  return block(
    NAME_RESOLUTION,
    record(type, Buffer.concat([address, Buffer.from(`${name}\0`)])),
    record(NameRecord.end),
  );
}

function block(type: number, ...parts: readonly Buffer[]): Buffer {
  const length = FRAME + parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(length, 4);
  return Buffer.concat([bytes, ...parts, bytes.subarray(4)]);
}

/** An option, or a record of names: they look the same. */
function record(type: number, value = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length));
  bytes.writeUInt16LE(type, 0);
  bytes.writeUInt16LE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
