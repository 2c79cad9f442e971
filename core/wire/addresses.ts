/**
 * Addresses as this project writes them down: text form, canonical (RFC 5952 for IPv6), never a bracket.
 * `real` addresses belong to the host's interfaces, `virtual` ones to NTMobile nodes (paper 2.6).
 */
import { isIPv4, SocketAddress } from 'node:net';

/** A UDP or TCP transport address. `port` is 0..65535. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The addresses a DC assigned to a node; a node keeps them across restarts and moves. */
export interface VirtualAddresses {
  /** From the DC's block of 198.18.0.0/15. */
  readonly ipv4: string;
  /** From the DC's ULA /64. */
  readonly ipv6: string;
}

export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

/** The one text form of an address (RFC 5952 for IPv6), so that addresses can be compared as text. */
export function canonicalAddress(address: string): string {
  return isIPv4(address) ? address : new SocketAddress({ address, family: 'ipv6' }).address;
}

/** An address in network byte order: 4 or 16 bytes. */
export function parseAddress(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  const [head = '', tail] = canonicalAddress(address).split('::');
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : []);
  const before = groups(head);
  const after = groups(tail);
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  [...before, ...zeros, ...after].forEach((group, i) => view.setUint16(2 * i, parseInt(group, 16)));
  return bytes;
}

/** The text form of 4 or 16 bytes in network byte order. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return canonicalAddress(groups.join(':'));
}
