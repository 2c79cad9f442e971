/** What the fields of bodies are made of (messages.ts): each checks what the network sent before anyone believes it. */
import * as v from 'valibot';
import { isIP, isIPv4, isIPv6 } from 'node:net';

export const bytes = (length: number) =>
  v.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === length, `must have ${length} bytes`);
export const text = (most: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(most));
export const natural = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
export const ipAddress = v.pipe(
  v.string(),
  v.maxLength(45),
  v.check((value) => isIP(value) !== 0, 'must be an IP address'),
);
export const ipv4 = v.pipe(
  v.string(),
  v.check((value) => isIPv4(value), 'must be an IPv4 address'),
);
export const ipv6 = v.pipe(
  v.string(),
  v.maxLength(45),
  v.check((value) => isIPv6(value), 'must be an IPv6 address'),
);
export const key = bytes(32);
export const fqdn = text(253);
export const label = text(63);
export const endpoint = v.object({ address: ipAddress, port: natural(65535) });
export const endpoints = v.pipe(v.array(endpoint), v.maxLength(12));
export const virtualAddresses = v.object({ ipv4, ipv6 });
export const nothing = v.object({});
export const route = v.picklist(['auto', 'relay', 'direct']);
export const directionId = bytes(8);
export const pathId = bytes(8);
