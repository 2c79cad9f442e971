/**
 * Makes virtual handles. All that they need, `tls` among it, is loaded when the first is made: a program that never
 * names a node of the network does not pay for it.
 */
import type { VirtualNetwork } from '../core/virtual-network';
import type { StreamHandle } from './stream-handle';

let StreamHandleClass: (new (network: VirtualNetwork) => StreamHandle) | undefined;
let beforeFirst: (() => void) | undefined;

/** `prepare` runs before the first virtual handle exists; at once, if there are some already. */
export function onFirstStreamHandle(prepare: () => void): void {
  if (StreamHandleClass) prepare();
  else beforeFirst = prepare;
}

export function createStreamHandle(network: VirtualNetwork): StreamHandle {
  if (!StreamHandleClass) {
    const { defineStreamHandle } = require('./stream-handle') as typeof import('./stream-handle');
    StreamHandleClass = defineStreamHandle();
    beforeFirst?.();
  }
  return new StreamHandleClass(network);
}

export function isStreamHandle(handle: unknown): handle is StreamHandle {
  return StreamHandleClass !== undefined && handle instanceof StreamHandleClass;
}
