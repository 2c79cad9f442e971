/** A way for a tunnel's datagrams to reach the correspondent node: straight, or through a relay server (paper 2.4). */
import { formatEndpoint, sameEndpoint, type Endpoint } from '../wire/addresses';
import { parseIp } from '../wire/ip-text';
import { hex } from '../wire/keys';

export type Path = DirectPath | RelayPath;

export interface DirectPath {
  readonly kind: 'direct';
  readonly endpoint: Endpoint;
  /** The tunnels' common socket if not given. */
  readonly via?: Via;
}

/** By another interface than packets leave by: see paths/standby.ts. */
export type StandbyPath = DirectPath & { readonly via: Via };

/** A UDP socket of one path's own, or of all paths by one interface. */
export interface Via {
  /** Of the host's interface that it is bound to, beside the one that packets leave by; not there: bound to none. */
  readonly address?: string;
  /** Its local port, once it is open. */
  readonly port?: number | undefined;
  send(datagram: Uint8Array, to: Endpoint): void;
  close(): void;
}

/** `endpoint` is the relay server's; `pathId` (8 bytes) names the allocation at it. */
export interface RelayPath {
  readonly kind: 'relay';
  readonly endpoint: Endpoint;
  readonly pathId: Uint8Array;
}

export function describePath(path: Path): string {
  const endpoint = formatEndpoint(path.endpoint);
  if (path.kind === 'relay') return `relay ${endpoint}`;
  const address = boundTo(path);
  return address === undefined ? endpoint : `${endpoint} from ${address}`;
}

/** The host's address that its socket is bound to; undefined: to none. */
export function boundTo(path: Path): string | undefined {
  return path.kind === 'direct' ? path.via?.address : undefined;
}

export function isStandby(path: Path): path is StandbyPath {
  return boundTo(path) !== undefined;
}

/** What one sender can be reached by: the text a cookie proves (white paper section 5.4.7). */
export function pathKey(path: Path): string {
  const endpoint = formatEndpoint(path.endpoint);
  return path.kind === 'direct' ? endpoint : `${endpoint} ${hex(path.pathId)}`;
}

/** Whom to hold to a rate: a host, or a network that one customer has (IPv6 /64), or one allocation at a relay. */
export function pathSource(path: Path): string {
  if (path.kind === 'relay') return pathKey(path);
  const address = parseIp(path.endpoint.address);
  if (!address) return path.endpoint.address; // link-local, with a zone
  return hex(address.length === 4 ? address : address.subarray(0, 8));
}

export function samePath(a: Path, b: Path): boolean {
  if (a === b) return true;
  if (!sameEndpoint(a.endpoint, b.endpoint)) return false;
  if (a.kind === 'direct') return b.kind === 'direct' && a.via === b.via;
  if (b.kind === 'direct') return false;
  return Buffer.compare(a.pathId, b.pathId) === 0;
}
