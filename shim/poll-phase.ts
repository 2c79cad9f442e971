/**
 * Callbacks in the poll phase of the event loop, where libuv reports what happened on sockets: each is an event of its
 * own, after which ticks and microtasks run. Immediates come after the poll phase, so an app can tell the difference:
 * what it does by setImmediate() would come after the next event instead of before it, and after close callbacks.
 *
 * Of what JavaScript can cause, a message of a port comes in that phase.
 */
import { AsyncResource } from 'node:async_hooks';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** A port calls the method of this name where there is one; a listener's exceptions would surface a tick later. */
const DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch');

const waiting: (() => void)[] = [];
const emptyScope = new AsyncResource('NTMOBILEPOLL', { requireManualDestroy: true });
let far: MessagePort | undefined;

/** Does not hold the event loop: whoever waits for the callback does (liveness.ts). */
export function inPollPhase(callback: () => void): void {
  waiting.push(callback);
  far ??= emptyScope.runInAsyncScope(openChannel);
  far.postMessage(null);
}

function openChannel(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const next = (): void => waiting.shift()?.();
  Object.defineProperty(port1, DISPATCH, { value: next });
  port1.on('message', next);
  port1.unref();
  port2.unref();
  return port2;
}
