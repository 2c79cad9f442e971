/**
 * Between the main process of an RS and its workers, over Node's IPC. The main process alone has keys and decides about
 * paths; a worker has a copy of what it needs to forward frames. Order is kept in either direction.
 */
import type { Endpoint } from '../../core/wire/addresses';
import type { RelayDrop, Spent, TableLimits } from './relay-table';

/** How often processes that forward tell each other what they have sent. */
export const EXCHANGE_MS = 100;

/** A path as a worker knows it. */
export interface CopiedPath {
  readonly id: Uint8Array;
  readonly owner: string;
  readonly ownerUsedBytes: number;
  readonly sides: readonly [Endpoint | undefined, Endpoint | undefined];
}

export type ToWorker =
  /** It is about to read: what it knew is past, and every path follows. `traced`: handshakes are the main process's. */
  | { readonly kind: 'begin'; readonly limits: TableLimits; readonly traced: boolean }
  | { readonly kind: 'limits'; readonly limits: TableLimits }
  | { readonly kind: 'set'; readonly paths: readonly CopiedPath[] }
  | { readonly kind: 'ended'; readonly pathId: Uint8Array }
  /** By other processes. */
  | { readonly kind: 'spent'; readonly spent: readonly Spent[] }
  /** Comes with one of the RS's sockets, once for each. */
  | { readonly kind: 'read' }
  | { readonly kind: 'rest' };

export type FromWorker =
  /** As it came, what is no frame of a path that the worker knows (signalling, frames to be hinted at), or is traced. */
  | { readonly kind: 'unplaced'; readonly datagram: Uint8Array; readonly from: Endpoint }
  | ({ readonly kind: 'report' } & WorkerReport);

/** Every EXCHANGE_MS. Counts are since the worker began. */
export interface WorkerReport {
  readonly packets: number;
  readonly bytes: number;
  readonly drops: readonly (readonly [RelayDrop, number])[];
  /** Since the last report. */
  readonly spent: readonly Spent[];
  /** Of its time, what its event loop was busy since the last report; 0 to 1. */
  readonly busy: number;
}
