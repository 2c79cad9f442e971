/**
 * Callbacks in the poll phase of the event loop, where libuv reports what happened on sockets: each is an event of its
 * own, after which ticks and microtasks run. A setImmediate() would do the same after the poll phase, and programs can
 * tell: what they then put off themselves by setImmediate() would come after the next event and after the close
 * callbacks, instead of before both.
 *
 * Of what JavaScript can cause, a message of a port comes in that phase.
 */
import { AsyncResource } from 'node:async_hooks';
import type { MessagePort } from 'node:worker_threads';

/** A port calls the method of this name where there is one; what a listener throws would surface a tick later. */
const DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch');

const waiting: (() => void)[] = [];
const emptyScope = new AsyncResource('NTMOBILEPOLL', { requireManualDestroy: true });
let channel: { readonly near: MessagePort; readonly far: MessagePort } | undefined;

/** Holds the event loop until the callback was called, as setImmediate() does. */
export function inPollPhase(callback: () => void): void {
  channel ??= emptyScope.runInAsyncScope(openChannel);
  if (waiting.push(callback) === 1) channel.near.ref();
  channel.far.postMessage(null);
}

/** The handle that holds the event loop at this moment, if one does. */
export function pollPort(): object | undefined {
  return waiting.length > 0 ? channel?.near : undefined;
}

function next(): void {
  const callback = waiting.shift();
  if (waiting.length === 0) channel?.near.unref();
  callback?.();
}

function openChannel(): NonNullable<typeof channel> {
  // Loaded by the first callback: programs that have no use for the network do not pay for it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { MessageChannel } = require('node:worker_threads') as typeof import('node:worker_threads');
  const { port1: near, port2: far } = new MessageChannel();
  Object.defineProperty(near, DISPATCH, { value: next });
  near.on('message', next);
  near.unref();
  far.unref();
  return { near, far };
}
