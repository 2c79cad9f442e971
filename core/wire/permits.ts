/**
 * Ports that a node may be reached at, as rules of this node (core/inbound-rules.ts) and the policy of a DC name them:
 *
 *   permit = ( "*" / port ["-" port] ) [ "/tcp" / "/udp" ]        port: 1 to 65535; without a protocol: both
 */
export type Protocol = 'tcp' | 'udp';

export interface Permit {
  readonly firstPort: number;
  readonly lastPort: number;
  /** Undefined: either. */
  readonly protocol: Protocol | undefined;
}

/** Of one correspondent node: with all else, they have to fit into a datagram. */
export const PERMITS_LIMIT = 24;

const PERMIT = /^(?:\*|([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?)(?:\/(tcp|udp))?$/;

/** `undefined` for what names no ports. */
export function parsePermit(text: string): Permit | undefined {
  const match = PERMIT.exec(text);
  const firstPort = Number(match?.[1] ?? 1);
  const lastPort = Number(match?.[2] ?? match?.[1] ?? 65_535);
  if (!match || lastPort > 65_535 || firstPort > lastPort) return undefined;
  return { firstPort, lastPort, protocol: match[3] as Protocol | undefined };
}

export function permitsPort(permits: readonly Permit[], protocol: Protocol, port: number): boolean {
  return permits.some((permit) => isOfPermit(permit, protocol, port));
}

export function isOfPermit({ firstPort, lastPort, protocol: only }: Permit, protocol: Protocol, port: number): boolean {
  return port >= firstPort && port <= lastPort && (only ?? protocol) === protocol;
}
