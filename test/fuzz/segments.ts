/** IP packets with TCP in them, made by hand (RFC 791, RFC 8200, RFC 9293), and read back. */
import { parseIp } from '../../core/wire/ip-text';

export const Flag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

const TCP = 6;
const TCP_CHECKSUM = 16;

export interface Segment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent?: number;
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
}

export interface SegmentFaults {
  /** In words of 4 bytes, in place of the true one. */
  readonly dataOffset?: number | undefined;
  /** Added to the length in the IP header. */
  readonly lengthError?: number;
}

/** `from` and `to` are text, of one IP version. */
export function tcpPacket(from: string, to: string, segment: Segment, faults: SegmentFaults = {}): Uint8Array {
  const { options = new Uint8Array(0), payload = new Uint8Array(0) } = segment;
  const headerLength = 20 + Math.ceil(options.length / 4) * 4;
  const tcp = Buffer.alloc(headerLength + payload.length);
  tcp.writeUInt16BE(segment.sourcePort, 0);
  tcp.writeUInt16BE(segment.destinationPort, 2);
  tcp.writeUInt32BE(segment.sequence >>> 0, 4);
  tcp.writeUInt32BE(segment.acknowledgement >>> 0, 8);
  tcp[12] = (faults.dataOffset ?? headerLength / 4) << 4;
  tcp[13] = segment.flags;
  tcp.writeUInt16BE(segment.window, 14);
  tcp.writeUInt16BE(segment.urgent ?? 0, 18);
  tcp.set(options, 20);
  tcp.set(payload, headerLength);
  return ipPacket(from, to, TCP, tcp, { ...faults, checksumAt: TCP_CHECKSUM });
}

export function ipPacket(
  from: string,
  to: string,
  protocol: number,
  body: Uint8Array,
  { checksumAt, lengthError = 0 }: SegmentFaults & { checksumAt?: number } = {},
): Uint8Array {
  const [source, destination] = [parseIp(from)!, parseIp(to)!];
  const v4 = source.length === 4;
  const packet = Buffer.concat([Buffer.alloc(v4 ? 20 : 40), body]);
  const bodyAt = packet.length - body.length;
  packet[0] = v4 ? 0x45 : 0x60;
  packet[v4 ? 8 : 7] = 64;
  packet[v4 ? 9 : 6] = protocol;
  packet.writeUInt16BE(((v4 ? packet.length : body.length) + lengthError) & 0xffff, v4 ? 2 : 4);
  packet.set(source, v4 ? 12 : 8);
  packet.set(destination, v4 ? 16 : 24);
  if (v4) packet.writeUInt16BE(checksum(packet.subarray(0, 20)), 10);
  if (checksumAt !== undefined) {
    const pseudo = Buffer.from([0, protocol, body.length >> 8, body.length & 0xff]);
    const sum = checksum(Buffer.concat([source, destination, pseudo, packet.subarray(bodyAt)]));
    packet.writeUInt16BE(sum, bodyAt + checksumAt);
  }
  return new Uint8Array(packet);
}

/** The TCP of a packet without IP options or extension headers. */
export function readSegment(packet: Uint8Array): Segment & { readonly length: number } {
  const tcp = Buffer.from(packet.subarray(packet[0]! >> 4 === 4 ? 20 : 40));
  const flags = tcp[13]!;
  const payload = new Uint8Array(tcp.subarray((tcp[12]! >> 4) * 4));
  return {
    sourcePort: tcp.readUInt16BE(0),
    destinationPort: tcp.readUInt16BE(2),
    sequence: tcp.readUInt32BE(4),
    acknowledgement: tcp.readUInt32BE(8),
    window: tcp.readUInt16BE(14),
    flags,
    payload,
    /** In sequence numbers. */
    length: payload.length + (flags & Flag.syn ? 1 : 0) + (flags & Flag.fin ? 1 : 0),
  };
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
