/**
 * Bytes for native code (TLSWrap, an HTTP/2 session, the HTTP parser of a server), as if libuv had read them.
 *
 * Such code calls JavaScript back several times while it takes one chunk. When libuv has called it, Node runs ticks and
 * microtasks after each of these callbacks; when JavaScript has, as a virtual stream does, it leaves them all for later.
 * Programs can tell: an 'end' that waits for a tick would come after the 'close' of the same HTTP/2 stream, and a client
 * whose upload is answered early would wait for ever. So an async hook stands where native code would have run them.
 */
import { AsyncLocalStorage, createHook, type AsyncHook } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { withShadows } from './shadows';

type Process = NodeJS.Process & {
  _tickCallback?: () => void;
  _fatalException?: (error: unknown, fromPromise: boolean) => boolean;
};

let hook: AsyncHook | undefined;
let runTicks = (): void => {};
/** Callbacks that have begun and not ended, one in the other. */
let depth = 0;
let isBetween = false;
let ownId = 0;
const always = (): boolean => true;
let mayRun = always;

/**
 * `read` is a call of native code that may call JavaScript back; `handleId` the async id of the handle that is read. When
 * that code reads or writes on the handle it calls JavaScript, too, where libuv has C: nothing runs after those calls.
 * `runsTicksNow`: asked after each of the others; default: always.
 */
export function readNatively(handleId: number, read: () => void, runsTicksNow = always): void {
  hook ??= prepare();
  ownId = handleId;
  mayRun = runsTicksNow;
  depth = 0;
  hook.enable();
  try {
    read();
  } finally {
    hook.disable();
  }
}

function prepare(): AsyncHook {
  // Hooks that are enabled within a hook begin after it. AsyncLocalStorage has one until Node 22, and enables it when it
  // is first used: which must not be within ours, where the first request would lose its store.
  new AsyncLocalStorage().run(true, () => {});
  // Node's own way to run them from JavaScript, deprecated in words and without a successor. With --pending-deprecation
  // its first call warns, which would tell the user nothing that he can act on.
  const { _tickCallback } = process as Process;
  if (_tickCallback) runTicks = _tickCallback;
  withShadows(process, [['noDeprecation', true]], runTicks);
  return createHook({
    before() {
      if (!isBetween) depth++;
    },
    after(asyncId) {
      if (!isBetween && --depth === 0 && asyncId !== ownId && mayRun()) betweenCallbacks();
    },
  });
}

function betweenCallbacks(): void {
  isBetween = true;
  try {
    runTicks();
  } catch (error) {
    reportUncaught(error);
  } finally {
    isBetween = false;
    depth = 0;
  }
}

/** An exception must not leave the hook, which would end the process. It ends as if native code had run the tick. */
function reportUncaught(error: unknown): void {
  const { _fatalException } = process as Process;
  const isHandled = process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback();
  if (isHandled && _fatalException) return void _fatalException(error, false);
  queueMicrotask(() => {
    throw error;
  });
  runTicks();
}

/** The parser leaves ticks for later on purpose, but for those after a part of a body. */
export function afterPartsOfBody(socket: Socket): () => boolean {
  const { parser } = socket as Socket & { parser?: { incoming: IncomingMessage | null } | null };
  let before = parser?.incoming;
  return () => {
    const message = parser?.incoming;
    const isPart = message === before && message?.complete === false;
    before = message;
    return isPart;
  };
}
