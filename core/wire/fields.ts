/** What the fields of bodies are made of (messages.ts): each checks what the network sent before anyone believes it. */
import * as v from 'valibot';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { parsePermit, PERMITS_LIMIT } from './permits';

/** Relay servers that a node is told of. */
export const RELAYS_LIMIT = 8;

export const bytes = (length: number) =>
  v.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === length, `must have ${length} bytes`);
export const fewBytes = (most: number) =>
  v.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.length <= most,
    `must have up to ${most.toLocaleString('en')} bytes`,
  );
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
/** Where somebody's datagrams came from. `stream`: over TLS, so that nothing else can be sent there. */
export const observed = v.object({ ...endpoint.entries, stream: v.optional(v.boolean()) });
/** Where a server takes datagrams over TLS (frames.ts): one of each IP version. */
export const streams = v.pipe(v.array(endpoint), v.maxLength(2));
/** How a NAT maps (RFC 4787 section 4.1): to one external port whoever is sent to, or to another for each. */
export const mapping = v.picklist(['independent', 'dependent']);
/**
 * What a node has found out about itself. `outside`: endpoints that were seen of it or that its gateway maps to it.
 * `reachable`: datagrams from where it has sent nothing to arrive. `relays`: round trip times.
 */
export const reach = v.object({
  outside: v.optional(endpoints),
  mapping: v.optional(mapping),
  reachable: v.optional(v.boolean()),
  relays: v.optional(v.pipe(v.array(v.object({ name: label, rttMs: natural(60_000) })), v.maxLength(RELAYS_LIMIT))),
});
/** Relay servers, for nodes that look from there at their own situation. */
export const relays = v.pipe(v.array(v.object({ name: label, endpoints })), v.maxLength(RELAYS_LIMIT));
export const virtualAddresses = v.object({ ipv4, ipv6 });
export const nothing = v.object({});
export const route = v.picklist(['auto', 'relay', 'direct']);
/** What a correspondent node may reach at the receiver (permits.ts). */
export const permits = v.pipe(
  v.array(
    v.pipe(
      text(15),
      v.check((value) => parsePermit(value) !== undefined, 'must name ports'),
    ),
  ),
  v.maxLength(PERMITS_LIMIT),
);
export const directionId = bytes(8);
export const pathId = bytes(8);
/** Where a node that has no connection can be pushed to; `token`: of APNs or FCM, or a Web Push subscription as JSON. */
export const pushAddress = v.object({ kind: v.picklist(['apns', 'fcm', 'webPush']), token: text(900) });
