/**
 * Gives a socket another handle before it is connected, by the way that Node's own happy eyeballs take. That way
 * forgets some of what was asked of the socket before; here it is asked again.
 */
import type { Socket } from 'node:net';
import type { AnyFunction, SocketInternals } from './node-internals';
import { withShadows } from './shadows';

export type Replaceable = SocketInternals & Record<symbol, (handle: unknown) => void>;

/** TLSWrap. */
interface TlsHandle {
  enableSessionCallbacks(): void;
  enableKeylogCallback(): void;
}

type TlsInternals = Socket & { encrypted?: true; ssl: TlsHandle | null; _handle: TlsHandle };

/** `reinitializeHandle`: the key of net.Socket's and TLSSocket's method. */
export function replaceHandle(socket: Replaceable, handle: unknown, reinitializeHandle: symbol): void {
  const shadowed: [PropertyKey, unknown][] = [
    ['_undestroy', () => {}], // reinitializing ends in it, and would forget an end() called while connecting
  ];
  // The buffer that the app gave for reading with the handle before stays; it is not asked for another one.
  const generator =
    socket._handle && Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kBufferGen');
  if (generator) shadowed.push([generator, null]);
  const keylogListeners = socket.rawListeners('keylog');

  withShadows(socket, shadowed, () => socket[reinitializeHandle]!(handle));

  if (isTls(socket)) completeTls(socket, keylogListeners);
}

function isTls(socket: Socket): socket is TlsInternals {
  return (socket as TlsInternals).encrypted === true;
}

function completeTls(socket: TlsInternals, keylogListeners: readonly unknown[]): void {
  socket.ssl = socket._handle; // cleared when the handle before it was closed
  // --tls-keylog listens again with every handle.
  const added = socket.rawListeners('keylog').slice(keylogListeners.length);
  if (keylogListeners.length > 0)
    for (const listener of added) socket.removeListener('keylog', listener as AnyFunction);
  // Node tells the handle when somebody begins to listen, and these began with the handle before.
  if (socket.listenerCount('keylog') > 0) socket._handle.enableKeylogCallback();
  if (socket.listenerCount('session') > 0) socket._handle.enableSessionCallbacks();
}
