/** What a node knows of one correspondent node (correspondents.ts). */
import type { Construction } from './construction';
import type { Direction } from './negotiation/directions';
import type { Tunnel } from './packet/wireguard/tunnel';
import type { Timer } from './runtime';
import type { VirtualAddresses } from './wire/addresses';

export interface Correspondent {
  readonly fqdn: string;
  readonly addresses: VirtualAddresses;
  tunnel?: Tunnel;
  construction?: Construction | undefined;
  /** The newest, while its relay is being bound. */
  direction?: Direction;
  /** The newest direction was because of a handover, of this node or of the other. */
  handover?: boolean;
  /** This host has moved, and the DC has not directed this tunnel since. */
  isUndirected?: boolean;
  /** Running while the tunnel's relay is lost, or since a handover could not be told to the correspondent. */
  retry?: Timer | undefined;
  /** Running while a new connection may show that the tunnel is dead. */
  doubt?: Timer | undefined;
  failure?: { readonly error: Error; readonly untilMs: number } | undefined;
}

export function isEstablished(known: Correspondent): boolean {
  return known.tunnel?.state === 'established' && !known.construction;
}
