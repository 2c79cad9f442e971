/**
 * Addresses as this project writes them down: text form, canonical (RFC 5952 for IPv6), never a bracket.
 * `real` addresses belong to the host's interfaces, `virtual` ones to NTMobile nodes (paper 2.6).
 */

/** A UDP or TCP transport address. `port` is 0..65535. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Datagrams go there, or come from there, over TLS (wire/frames.ts), as where no UDP passes. */
  readonly stream?: boolean | undefined;
}

/** The addresses a DC assigned to a node; a node keeps them across restarts and moves. */
export interface VirtualAddresses {
  /** From the DC's block of 198.18.0.0/15. */
  readonly ipv4: string;
  /** From the DC's ULA /64. */
  readonly ipv6: string;
}

export function formatEndpoint({ address, port, stream }: Endpoint): string {
  return `${address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`}${stream ? '/tls' : ''}`;
}

export function familyOf({ address }: Pick<Endpoint, 'address'>): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  if (a === b) return true; // as most senders are (runtime-node.ts)
  return a.port === b.port && a.address === b.address && !a.stream === !b.stream;
}
