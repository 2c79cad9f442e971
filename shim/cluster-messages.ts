/**
 * How the addresses of a virtual connection get from the primary of `cluster` to the worker that serves it, and how the
 * primary knows that they did. A worker without the preload would take the peer for a program of its own host, and may
 * trust it as such; so it must not get the connection.
 *
 *   Node's message    newconn, key: K, seq: N               acknowledged by   ack: N
 *   of a handover     newconn, key: none, seq: N,           acknowledged by   ack: 'ntmobile N'
 *                     ntmobile: { key: K, local, remote }
 *
 * A worker that does not understand this knows no server of such a key: it closes the socket and refuses by `ack: N`.
 */
import type { AddressOut } from './node-internals';

export const CLUSTER_COMMAND = 'NODE_CLUSTER';
export const ACKNOWLEDGED = 'ntmobile ';

/** As getsockname() and getpeername() shall tell them. */
export interface ShownEndpoints {
  readonly local: AddressOut;
  readonly remote: AddressOut;
}

/** Of Node's messages between primary and workers (lib/internal/cluster in Node's sources). */
export interface ClusterMessage {
  readonly cmd?: unknown;
  readonly act?: unknown;
  key?: unknown;
  seq?: number | string;
  ack?: number | string;
  accepted?: boolean;
  readonly ntmobile?: ShownEndpoints & { readonly key: unknown };
}
