/** IP addresses between their text and their bytes in network order. */
import { isIPv4, isIPv6 } from 'node:net';

/** 4 or 16 bytes; undefined for what is no address. */
export function parseIp(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return parseIpv6(text);
}

/** The one text form of an address, so that addresses can be compared as text; what is no address stays as it is. */
export function canonicalIp(text: string): string {
  const bytes = parseIp(text);
  return bytes ? formatIp(bytes) : text;
}

/** RFC 4291 section 2.5.5.2. */
const IPV4_MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** 16 bytes, of an IPv4 address as IPv4-mapped IPv6; throws TypeError for what is no address. */
export function wideBytes(address: string): Uint8Array {
  const bytes = parseIp(address);
  if (!bytes) throw new TypeError(`${address} is no IP address`);
  return bytes.length === 16 ? bytes : Uint8Array.of(...IPV4_MAPPED, ...bytes);
}

/** The other way round. */
export function formatWide(bytes: Uint8Array): string {
  return formatIp(IPV4_MAPPED.every((byte, i) => bytes[i] === byte) ? bytes.subarray(IPV4_MAPPED.length) : bytes);
}

/** `::ffff:198.18.0.1`, as a dual-stack socket shows and accepts an IPv4 peer, is 198.18.0.1. */
export function unmapped(address: string): string {
  // Asked for every connection of the program; most addresses begin otherwise.
  return address.startsWith(':') && /^::ffff:[\d.]+$/i.test(address) ? address.slice('::ffff:'.length) : address;
}

function parseIpv6(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

/** The last 32 bits may be written as IPv4 (RFC 4291, 2.2). */
function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** Canonical: RFC 5952, 4 (lower case, no leading zeros, `::` for the first longest run of two or more zeros). */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const { start, length } = longestZeroRun(words);
  const hex = words.map((word) => word.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(words: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < words.length; start++) {
    let end = start;
    while (words[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}
