/**
 * ICMP (RFC 792) and ICMPv6 (RFC 4443) as far as the stack has to do with it in TypeScript: echo requests of its own
 * and their replies, and errors about what it sent. lwIP answers echo requests, and tells of closed UDP ports.
 */
import type { Endpoint } from '../../wire/addresses';
import { formatIp } from '../../wire/ip-text';

const ICMP = 1;
const ICMPV6 = 58;
export const TCP = 6;
export const UDP = 17;
const HOP_LIMIT = 64;
const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;
const IP_HEADER = { 4: 20, 6: 40 } as const;
/** Of an ICMP message, before its body. */
const HEADER = 8;

export interface EchoReply {
  readonly kind: 'reply';
  readonly from: string;
  readonly id: number;
  readonly sequence: number;
}

/** About a packet of ours. */
export interface IcmpError {
  readonly kind: 'error';
  readonly reason: 'ECONNREFUSED' | 'EHOSTUNREACH' | 'ENETUNREACH' | 'too big';
  readonly protocol: number;
  readonly localPort: number;
  readonly remote: Endpoint;
  /** With `too big`: what is not, bytes; 0 when the sender did not say (RFC 1191 section 3). */
  readonly mtu: number;
}

/** `packet` is a whole IP packet. `undefined` for what is nothing of these, or mangled; lwIP may know it. */
export function readIcmp(packet: Uint8Array): EchoReply | IcmpError | undefined {
  const family = packet[0]! >> 4 === 4 ? 4 : 6;
  if ((family === 4 ? packet[9] : packet[6]) !== (family === 4 ? ICMP : ICMPV6)) return undefined;
  const message = packet.subarray(IP_HEADER[family]);
  if (message.length < HEADER) return undefined;
  if (message[0] === ECHO[family].reply) {
    return {
      kind: 'reply',
      from: addressAt(packet, family, 'source'),
      id: uint16(message, 4),
      sequence: uint16(message, 6),
    };
  }
  const reason = family === 4 ? reasonOfIcmp(message[0]!, message[1]!) : reasonOfIcmpv6(message[0]!, message[1]!);
  return reason && readError(message, family, reason);
}

function reasonOfIcmp(type: number, code: number): IcmpError['reason'] | undefined {
  if (type === 11) return 'EHOSTUNREACH';
  if (type !== 3) return undefined;
  if (code === 2 || code === 3) return 'ECONNREFUSED';
  if (code === 4) return 'too big';
  return code === 0 || code === 6 || code === 9 || code === 11 ? 'ENETUNREACH' : 'EHOSTUNREACH';
}

function reasonOfIcmpv6(type: number, code: number): IcmpError['reason'] | undefined {
  if (type === 2) return 'too big';
  if (type === 3) return 'EHOSTUNREACH';
  if (type !== 1) return undefined;
  if (code === 4) return 'ECONNREFUSED';
  return code === 0 ? 'ENETUNREACH' : 'EHOSTUNREACH';
}

/** The quoted packet is ours, so it has neither options nor extension headers. */
function readError(message: Uint8Array, family: 4 | 6, reason: IcmpError['reason']): IcmpError | undefined {
  const quoted = message.subarray(HEADER);
  const ports = IP_HEADER[family];
  if (quoted.length < ports + 4 || quoted[0]! >> 4 !== family || (family === 4 && quoted[0] !== 0x45)) return undefined;
  return {
    ...{ kind: 'error', reason, protocol: family === 4 ? quoted[9]! : quoted[6]! },
    localPort: uint16(quoted, ports),
    remote: { address: addressAt(quoted, family, 'destination'), port: uint16(quoted, ports + 2) },
    mtu: family === 4 ? uint16(message, 6) : uint16(message, 4) > 0 ? 0xffff : uint16(message, 6),
  };
}

/** A whole IP packet. Addresses of 4 or 16 bytes; `length` bytes of body. */
export function echoRequest(
  from: Uint8Array,
  to: Uint8Array,
  { id, sequence, length }: { id: number; sequence: number; length: number },
): Uint8Array {
  const family = from.length === 4 ? 4 : 6;
  const packet = new Uint8Array(IP_HEADER[family] + HEADER + length);
  const view = new DataView(packet.buffer);
  const message = packet.subarray(IP_HEADER[family]);
  message[0] = ECHO[family].request;
  view.setUint16(IP_HEADER[family] + 4, id);
  view.setUint16(IP_HEADER[family] + 6, sequence);
  if (family === 4) {
    packet.set([0x45, 0]);
    view.setUint16(2, packet.length);
    packet.set([HOP_LIMIT, ICMP], 8);
    packet.set(from, 12);
    packet.set(to, 16);
    view.setUint16(10, checksum(packet.subarray(0, 20), 0));
    view.setUint16(20 + 2, checksum(message, 0));
  } else {
    packet[0] = 0x60;
    view.setUint16(4, message.length);
    packet.set([ICMPV6, HOP_LIMIT], 6);
    packet.set(from, 8);
    packet.set(to, 24);
    view.setUint16(40 + 2, checksum(packet.subarray(8), message.length + ICMPV6));
  }
  return packet;
}

/** RFC 1071. `more`: what else is summed, as of a pseudo-header. */
function checksum(bytes: Uint8Array, more: number): number {
  let sum = more;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function addressAt(packet: Uint8Array, family: 4 | 6, which: 'source' | 'destination'): string {
  const length = family === 4 ? 4 : 16;
  const at = (family === 4 ? 12 : 8) + (which === 'source' ? 0 : length);
  return formatIp(packet.slice(at, at + length));
}

function uint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}
