/** A way for a tunnel's datagrams to reach the correspondent node: straight, or through a relay server (paper 2.4). */
import { formatEndpoint, sameEndpoint, type Endpoint } from '../wire/addresses';

export type Path =
  | { readonly kind: 'direct'; readonly endpoint: Endpoint }
  /** `endpoint` is the relay server's; `pathId` (8 bytes) names the allocation at it. */
  | { readonly kind: 'relay'; readonly endpoint: Endpoint; readonly pathId: Uint8Array };

export function describePath(path: Path): string {
  return path.kind === 'direct' ? formatEndpoint(path.endpoint) : `relay ${formatEndpoint(path.endpoint)}`;
}

export function samePath(a: Path, b: Path): boolean {
  if (!sameEndpoint(a.endpoint, b.endpoint)) return false;
  if (a.kind === 'direct' || b.kind === 'direct') return a.kind === b.kind;
  return Buffer.compare(a.pathId, b.pathId) === 0;
}
