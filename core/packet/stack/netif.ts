/** Declares netif.c, and says which IP packets are let in to it. */
import type { VirtualAddresses } from '../../wire/addresses';
import { parseIp } from '../../wire/ip-text';

export interface NetifExports {
  netif_start(): void;
  netif_configure(mtu: number): void;
  netif_reserve(length: number): number;
  netif_input(packet: number): void;
  netif_loop(): void;
  netif_has_loop(): number;
  scratch_address(): number;
  pbuf_next(chain: number): number;
  pbuf_payload(chain: number): number;
  pbuf_length(chain: number): number;
  pbuf_release(chain: number): void;
}

export interface NetifImports {
  output(packet: number, length: number): void;
}

/** Why an incoming packet was dropped before lwIP saw it. */
export type Refusal = 'malformed' | 'misaddressed' | 'fragment' | 'unsupported';

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
const FRAGMENT = 44;
/** Destination unreachable, time exceeded, echo request and reply; and the same of ICMPv6, with packet too big. */
const ICMP_TYPES = [0, 3, 8, 11];
const ICMPV6_TYPES = [1, 2, 3, 128, 129];
const MORE_FRAGMENTS_AND_OFFSET = 0x3fff;

/** The own addresses in network order. */
export interface OwnAddresses {
  readonly ipv4: Uint8Array;
  readonly ipv6: Uint8Array;
}

export function ownAddresses(addresses: VirtualAddresses): OwnAddresses {
  const ipv4 = parseIp(addresses.ipv4);
  const ipv6 = parseIp(addresses.ipv6);
  if (ipv4?.length !== 4 || ipv6?.length !== 16) throw new TypeError('not a pair of an IPv4 and an IPv6 address');
  return { ipv4, ipv6 };
}

/**
 * What is let in is TCP, UDP, echoes and errors for this node, without options or extension headers, TCP whole:
 * nothing else is sent by an NTMobile node, and what a correspondent could reach in lwIP (neighbour discovery, path
 * MTU) is smaller by that. Fields: RFC 791, 3.1, and RFC 8200, 3 and 4.5.
 */
export function refusal(packet: Uint8Array, own: OwnAddresses): Refusal | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4) return refusalOfIpv4(packet, own.ipv4);
  if (version === 6) return refusalOfIpv6(packet, own.ipv6);
  return 'malformed';
}

function refusalOfIpv4(packet: Uint8Array, own: Uint8Array): Refusal | undefined {
  const totalLength = uint16(packet, 2);
  if (packet.length < 20 || totalLength < 20 || totalLength > packet.length) return 'malformed';
  if (packet[0] !== 0x45) return 'unsupported';
  if (!matches(packet, 16, own)) return 'misaddressed';
  const protocol = packet[9];
  if ((uint16(packet, 6) & MORE_FRAGMENTS_AND_OFFSET) !== 0)
    return protocol === UDP || protocol === ICMP ? undefined : 'fragment';
  if (protocol === TCP || protocol === UDP) return undefined;
  return protocol === ICMP && ICMP_TYPES.includes(packet[20]!) ? undefined : 'unsupported';
}

function refusalOfIpv6(packet: Uint8Array, own: Uint8Array): Refusal | undefined {
  if (packet.length < 40 || uint16(packet, 4) > packet.length - 40) return 'malformed';
  if (!matches(packet, 24, own)) return 'misaddressed';
  const nextHeader = packet[6];
  if (nextHeader === FRAGMENT) return packet[40] === UDP || packet[40] === ICMPV6 ? undefined : 'fragment';
  if (nextHeader === TCP || nextHeader === UDP) return undefined;
  return nextHeader === ICMPV6 && ICMPV6_TYPES.includes(packet[40]!) ? undefined : 'unsupported';
}

/** Of a packet that was let in. */
export function isFragment(packet: Uint8Array): boolean {
  if (packet[0]! >> 4 === 6) return packet[6] === FRAGMENT;
  return (uint16(packet, 6) & MORE_FRAGMENTS_AND_OFFSET) !== 0;
}

/** Of a packet that was let in. */
export function isIcmp(packet: Uint8Array): boolean {
  return packet[0]! >> 4 === 6 ? packet[6] === ICMPV6 : packet[9] === ICMP && !isFragment(packet);
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function matches(bytes: Uint8Array, offset: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[offset + i] !== expected[i]) return false;
  return true;
}
