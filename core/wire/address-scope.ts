/** How far an address reaches, as far as it says so itself. */
import { parseIp } from './ip-text';

/**
 * `private`: RFC 1918, RFC 6598 (carriers'), unique local (RFC 4193). `never`: link-local, multicast, broadcast,
 * unspecified, reserved.
 */
export type Scope = 'global' | 'private' | 'loopback' | 'never';

export function scopeOf(address: string): Scope {
  if (!address.includes(':')) return scopeOfIpv4(address);
  const bytes = parseIp(address);
  return bytes ? scopeOfIpv6(bytes) : 'never'; // with a zone
}

/** RFC 6890, section 2.2.2. */
function scopeOfIpv4(address: string): Scope {
  const dot = address.indexOf('.');
  const first = Number(address.slice(0, dot));
  const second = Number(address.slice(dot + 1, address.indexOf('.', dot + 1)));
  if (first === 127) return 'loopback';
  if (first === 0 || first >= 224 || (first === 169 && second === 254)) return 'never';
  const isPrivate = first === 10 || (first === 172 && second >> 4 === 1) || (first === 192 && second === 168);
  const isCarriers = first === 100 && second >> 6 === 1;
  return isPrivate || isCarriers ? 'private' : 'global';
}

/** Section 2.2.3; IPv4 addresses in IPv6 ones (::ffff:0:0/96) are of no use to a socket of IPv6 alone. */
function scopeOfIpv6(bytes: Uint8Array): Scope {
  const [first = 0, second = 0] = bytes;
  if (bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return 'loopback';
  if (bytes.subarray(0, 10).every((byte) => byte === 0)) return 'never';
  if (first === 0xff || (first === 0xfe && second >> 6 === 2)) return 'never';
  return first >> 1 === 0x7e ? 'private' : 'global';
}
