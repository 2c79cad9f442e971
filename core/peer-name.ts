/**
 * Who is at the other end: `peerName` of the library. A preloaded program's node belongs to the preload, which is
 * another copy of this code (dist/preload); the two find each other by a symbol that all copies know.
 */
import type { Listen } from './node-events';
import { unmapped } from './wire/ip-text';

/** A socket of net or tls (`request.socket`, too), what dgram tells of a sender, or an IP address. */
export type PeerLike = string | { readonly remoteAddress?: string | undefined } | { readonly address: string };

/** What the preload tells of itself to the copies of this library in its process. */
export interface Preload {
  nameOf?: (address: string) => string | undefined;
  on?: Listen;
}

export const PRELOAD = Symbol.for('ntmobile.registered');

/** See `peerName` in ntmobile.ts. `nameOf`: of the node that is asked. */
export function nameOfPeer(peer: PeerLike, nameOf: (address: string) => string | undefined): string | undefined {
  const address = addressOf(peer);
  return address === undefined ? undefined : nameOf(unmapped(address));
}

/** Undefined without the preload. */
export function nameByPreload(address: string): string | undefined {
  return (globalThis as { [PRELOAD]?: Preload })[PRELOAD]?.nameOf?.(address);
}

/** Without the preload nothing ever happens. */
export const listenByPreload: Listen = (name, listener) =>
  (globalThis as { [PRELOAD]?: Preload })[PRELOAD]?.on?.(name, listener) ?? (() => {});

/** Also for callers without types: what is no peer has no address. */
function addressOf(peer: unknown): string | undefined {
  if (typeof peer === 'string') return peer;
  if (typeof peer !== 'object' || peer === null) return undefined;
  const { remoteAddress, address } = peer as { remoteAddress?: unknown; address?: unknown };
  if (typeof remoteAddress === 'string') return remoteAddress;
  return typeof address === 'string' ? address : undefined;
}
