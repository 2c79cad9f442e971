/**
 * Connecting: net.Socket and TCP handles.
 *
 * 1. `socket.connect()`, early: a host that is known to be virtual gets its handle before Node connects, because
 *    `tls.connect({ socket: stillConnecting })` attaches to the handle natively.
 * 2. `TCP.connect`, late: addresses known only after a lookup (an app's own `lookup`, happy eyeballs, a name that
 *    could not be classified yet).
 */
import net from 'node:net';
import type { VirtualNetwork } from '../../core/virtual-network';
import type { ConnectRequest } from '../connect-outcome';
import { errnoOf } from '../node-errors';
import { reachTcp, type AnyFunction, type SocketInternals, type TcpHandle } from '../node-internals';
import type { Patches } from '../patch';
import { classifyHost, connectHost, unmapped } from '../policy';
import type { StreamHandle } from '../stream-handle';
import { createStreamHandle, isStreamHandle } from '../virtual-handles';
import { duringConnect } from './dns';
import type { ListenHooks } from './listen';

type Swappable = SocketInternals & Record<symbol, (handle: unknown) => void>;

export function hookConnect(network: VirtualNetwork, patches: Patches, listening: ListenHooks): void {
  const { TCP, ownerSymbol, reinitializeHandle } = reachTcp();

  patches.replace(
    net.Socket.prototype,
    'connect',
    (connect) =>
      function (this: Swappable, ...args: unknown[]): unknown {
        const host = connectHost(args);
        if (host === undefined) return Reflect.apply(connect, this, args);
        const place = classifyHost(host, network);
        if (place === 'host') return Reflect.apply(connect, this, args);
        if (place === 'virtual' && canSwapEarly(this)) this[reinitializeHandle]!(newHandle(this));
        return duringConnect(() => Reflect.apply(connect, this, args) as unknown);
      },
  );

  const connectLate = (connect: AnyFunction): AnyFunction =>
    function (this: TcpHandle, request: ConnectRequest, address: string, port: number): number {
      if (typeof address !== 'string' || !network.isVirtualAddress(unmapped(address))) {
        return listening.bindForReal(this) || (Reflect.apply(connect, this, [request, address, port]) as number);
      }
      const socket = (this as unknown as Record<symbol, Swappable | undefined>)[ownerSymbol];
      if (!socket) return Reflect.apply(connect, this, [request, address, port]) as number;
      if (isReadByAnother(this, socket)) return errnoOf('ENOTSUP');
      const bound = listening.boundTo(this);
      const handle = newHandle(socket);
      if (bound) handle.bind(bound.address, bound.port);
      swapLate(socket, this, handle);
      return handle.connect(request, address, port);
    };
  patches.replace(TCP.prototype as object, 'connect', connectLate);
  patches.replace(TCP.prototype as object, 'connect6', connectLate);

  // resetAndDestroy() asks `handle instanceof TCP`.
  patches.define(TCP, Symbol.hasInstance, {
    configurable: true,
    value: (handle: unknown): boolean =>
      Function.prototype[Symbol.hasInstance].call(TCP, handle) || isStreamHandle(handle),
  });

  function newHandle(socket: Swappable): StreamHandle {
    const handle = createStreamHandle(network);
    (handle as unknown as Record<symbol, unknown>)[ownerSymbol] = socket;
    return handle;
  }

  function swapLate(socket: Swappable, old: TcpHandle, handle: StreamHandle): void {
    const shadowed: [PropertyKey, unknown][] = [
      ['_undestroy', () => {}], // reinitializing ends in it, and would forget an end() called while connecting
    ];
    // The buffer that the app gave for reading stays; it is not asked for another one.
    const generator = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kBufferGen');
    if (generator) shadowed.push([generator, null]);
    withShadows(socket, shadowed, () => socket[reinitializeHandle]!(handle));
    // What the app or Node set on the handle, e.g. `reading`, or a method that a test double stands for.
    for (const key of Object.keys(old)) {
      if (!(key in handle) || isMethod(TCP.prototype, key)) Reflect.set(handle, key, Reflect.get(old, key));
    }
  }
}

/** Properties of an object have other values during a call. */
function withShadows(object: object, shadows: readonly [PropertyKey, unknown][], call: () => void): void {
  const before = shadows.map(([key]) => [key, Object.getOwnPropertyDescriptor(object, key)] as const);
  for (const [key, value] of shadows) {
    Object.defineProperty(object, key, { configurable: true, writable: true, enumerable: true, value });
  }
  try {
    call();
  } finally {
    for (const [key, descriptor] of before) {
      if (descriptor) Object.defineProperty(object, key, descriptor);
      else Reflect.deleteProperty(object, key);
    }
  }
}

/** Without calling a native accessor. */
function isMethod(prototype: object, key: string): boolean {
  return typeof Object.getOwnPropertyDescriptor(prototype, key)?.value === 'function';
}

/** Only a socket that has no handle yet, or a TLSSocket with the fresh one that its constructor makes. */
function canSwapEarly(socket: SocketInternals): boolean {
  if (socket.connecting || socket._parent?.connecting) return false;
  if (socket.destroyed) {
    // As connect() itself does with a socket that is used again.
    socket._handle = null;
    socket._peername = null;
    socket._sockname = null;
  }
  const handle = socket._handle as { _parent?: TcpHandle; _parentWrap?: unknown } | null;
  return !handle || (handle._parent !== undefined && !handle._parentWrap);
}

/** TLS attached to this handle natively, through another socket; replacing it now would crash. */
function isReadByAnother(handle: TcpHandle, socket: SocketInternals): boolean {
  return socket._handle === handle && Object.getOwnPropertyDescriptor(handle, 'reading')?.get !== undefined;
}
