/** How far an address reaches, as far as it says so itself. */
import { parseIp } from './ip-text';

/**
 * `private`: RFC 1918, RFC 6598 (carriers'), unique local (RFC 4193). `never`: link-local, multicast, broadcast,
 * unspecified, reserved, virtual, translated (RFC 6052: no host has it). Networks for documentation (RFC 5737,
 * RFC 3849) are global: no host has their addresses but in labs, where they stand for the Internet.
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
  if ((first === 198 && second >> 1 === 9) || address.startsWith('192.0.0.')) return 'never';
  const isPrivate = first === 10 || (first === 172 && second >> 4 === 1) || (first === 192 && second === 168);
  const isCarriers = first === 100 && second >> 6 === 1;
  return isPrivate || isCarriers ? 'private' : 'global';
}

/** Section 2.2.3; of the rest, global unicast is 2000::/3 (RFC 4291 section 4, IANA's registry). */
function scopeOfIpv6(bytes: Uint8Array): Scope {
  const [first = 0] = bytes;
  if (bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return 'loopback';
  if (first >> 1 === 0x7e) return 'private';
  return first >> 5 === 1 ? 'global' : 'never';
}
