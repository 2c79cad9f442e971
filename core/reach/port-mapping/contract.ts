/**
 * Port mapping: asking the router for an endpoint on its outside that leads to a UDP socket of ours. Read this first,
 * then port-mapper.ts (when), mapping-session.ts (with one router), and a protocol: pcp, nat-pmp, upnp.
 *
 *   PortMapper -> MappingSession -> PcpClient     -> pcp.ts               RFC 6887
 *                                -> NatPmpClient  -> nat-pmp.ts           RFC 6886
 *                                -> UpnpClient    -> ssdp.ts, igd.ts      UPnP-IGD WANIPConnection:1 and :2
 *
 * A router on the local network is a stranger: only its own address is heard, everything that it says is bounded,
 * nothing is fetched from another host because it says so.
 */
import type { Gateway, GatewayAccess, Runtime } from '../../runtime';
import type { Endpoint } from '../../wire/addresses';

export const MAPPING_PROTOCOLS = ['pcp', 'nat-pmp', 'upnp'] as const;
/** The best first. */
export type MappingProtocol = (typeof MAPPING_PROTOCOLS)[number];

/** What port mapping needs of the host. */
export type GatewayPorts = Pick<Runtime, 'clock' | 'timers' | 'random' | 'openDatagramPort'> & GatewayAccess;

/** Seconds asked for. A program that was killed leaves its mapping for so long. */
export const LIFETIME_S = 3_600;
/** What a router gives that would have to be renewed more often is of no use, and longer is not believed (RFC 6887, 15). */
export const SHORTEST_LIFETIME_S = 30;
export const LONGEST_LIFETIME_S = 24 * 3_600;

/** Of PCP and NAT-PMP: a router answers at once. A program that ends sends the first request, and waits for nothing. */
export const UNMAPPING_WAITS_MS = [250, 500];

export interface WantedMapping {
  readonly internalPort: number;
  /** What it was before, or else the internal port: routers give that where it is free. */
  readonly externalPort: number;
  /** Of the same mapping before. */
  readonly externalAddress?: string;
}

export type MappingResult =
  | { readonly outcome: 'mapped'; readonly endpoint: Endpoint; readonly lifetimeS: number }
  /** No answer: it may have been made all the same. */
  | { readonly outcome: 'silent' }
  /** `retryAfterS`: the reason may pass. */
  | { readonly outcome: 'refused'; readonly why: string; readonly retryAfterS?: number }
  /** The router's own outside address is not one of the Internet: there is another NAT behind it. */
  | { readonly outcome: 'double NAT'; readonly address: string };

/** One protocol with one router. One call at a time; `stop` ends it, and `done` is not called then. */
export interface MappingClient {
  readonly protocol: MappingProtocol;
  /** Whether the router speaks it. Leaves nothing behind there. */
  discover(done: (speaks: boolean) => void): void;
  /** Makes or renews the mapping. */
  map(wanted: WantedMapping, done: (result: MappingResult) => void): void;
  /** Takes the mapping away. The first request has been sent when this returns. `done` when answered, or given up. */
  unmap(wanted: WantedMapping, done: () => void): void;
  /** False: not for this protocol, or nonsense. */
  receive(datagram: Uint8Array, from: Endpoint): boolean;
  /** Where routers of this protocol tell everybody that they have started anew. */
  readonly announcements: Endpoint;
  /** What came there from the router: whether the mapping must be made again. */
  isRestart(announcement: Uint8Array): boolean;
  stop(): void;
}

/** What a client has: sending is from the session's socket. */
export interface ClientOptions {
  readonly ports: GatewayPorts;
  readonly gateway: Gateway;
  /** NONCE_BYTES of pcp.ts: who has another one cannot renew the mapping (RFC 6887 section 11.3). */
  readonly nonce: Uint8Array;
  send(datagram: Uint8Array, to: Endpoint): void;
}
