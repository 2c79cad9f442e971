/**
 * TLS attaches to a handle natively, so bytes and their end reach it by themselves; a read error does not, because
 * JSStream cannot signal one. This hook remembers which TLSSocket reads a virtual handle, to tell it directly.
 */
import type { Socket } from 'node:net';
import { loadTls } from '../node-internals';
import type { Patches } from '../patch';
import { isStreamHandle } from '../virtual-handles';

export function hookTls(patches: Patches): void {
  patches.replace(
    loadTls().TLSSocket.prototype,
    '_wrapHandle',
    (wrapHandle) =>
      function (this: Socket, ...args: unknown[]): unknown {
        const [, handle] = args;
        if (isStreamHandle(handle)) handle.tlsSocket = this;
        return Reflect.apply(wrapHandle, this, args);
      },
  );
}
