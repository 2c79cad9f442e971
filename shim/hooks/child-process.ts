/**
 * A connection with a node of the network is an object of this process: `child.send(message, socket)` cannot pass it on,
 * and native code would take it for a handle of another class. The child gets the message without it, as it does when a
 * socket has closed meanwhile (Node's documentation of subprocess.send()), and the peer gets a reset.
 */
import type { ChildProcess } from 'node:child_process';
import type { AnyFunction, SocketInternals } from '../node-internals';
import type { Patches } from '../patch';
import type { StreamHandle } from '../stream-handle';
import { isStreamHandle } from '../virtual-handles';

interface Sender {
  /** There with an IPC channel only. */
  _send?: AnyFunction;
}

let hasWarned = false;

export function hookSend(patches: Patches): void {
  const { ChildProcess } = require('node:child_process') as typeof import('node:child_process');
  patches.replace(
    ChildProcess.prototype,
    'spawn',
    (spawn) =>
      function (this: ChildProcess & Sender, ...args: unknown[]): unknown {
        const error: unknown = Reflect.apply(spawn, this, args);
        if (this._send) this._send = withoutVirtual(this._send); // nothing to be put back: all else goes as before
        return error;
      },
  );
  patches.replace(process, '_send', withoutVirtual);
}

function withoutVirtual(send: AnyFunction): AnyFunction {
  return function (this: unknown, message: unknown, handle: unknown, ...rest: unknown[]): unknown {
    return Reflect.apply(send, this, [message, isVirtual(handle) ? keptBack(handle) : handle, ...rest]);
  };
}

function isVirtual(handle: unknown): handle is SocketInternals | StreamHandle {
  return isStreamHandle(handle) || isStreamHandle((handle as Partial<SocketInternals> | null | undefined)?._handle);
}

function keptBack(handle: SocketInternals | StreamHandle): undefined {
  if (isStreamHandle(handle)) handle.close();
  else handle.resetAndDestroy();
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    'A connection with a node of the network cannot be sent to another process by send(). It was reset.',
    { code: 'NTM_SOCKET_NOT_SENT' },
  );
}
