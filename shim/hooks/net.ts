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
import { explainConnect, type ConnectRequest } from '../connect-outcome';
import { isOnHost } from '../host-socket';
import { errnoOf } from '../node-errors';
import { reachTcp, type AnyFunction, type SocketInternals, type TcpHandle } from '../node-internals';
import type { Patches } from '../patch';
import { classifyHost, connectHost, unmapped } from '../policy';
import { replaceHandle, type Replaceable } from '../replace-handle';
import type { StreamHandle } from '../stream-handle';
import { createStreamHandle, isStreamHandle } from '../virtual-handles';
import { duringConnect } from './dns';
import type { ListenHooks } from './listen';
import { classifyAddress, whenAddressDecided } from './name-lookup';

/** TLSWrap: the handle below, and the socket that it is read from when that is not its own. */
interface TlsHandle {
  readonly _parent?: TcpHandle;
  readonly _parentWrap?: unknown;
}

export function hookConnect(network: VirtualNetwork, patches: Patches, listening: ListenHooks): void {
  const { TCP, ownerSymbol, reinitializeHandle } = reachTcp();

  patches.replace(
    net.Socket.prototype,
    'connect',
    (connect) =>
      function (this: Replaceable, ...args: unknown[]): unknown {
        const host = connectHost(args);
        if (host === undefined) return Reflect.apply(connect, this, args);
        const place = classifyHost(host, network);
        if (place === 'host' || isOnHost(this)) return Reflect.apply(connect, this, args);
        if (place === 'virtual' && canSwapEarly(this)) replaceHandle(this, newHandle(this), reinitializeHandle);
        return duringConnect(() => Reflect.apply(connect, this, args) as unknown);
      },
  );

  // Happy eyeballs' next attempt: of a TLSSocket Node tells the TLS handle whose it is, and not the one below.
  patches.replace(
    net.Socket.prototype,
    reinitializeHandle,
    (reinitialize) =>
      function (this: Replaceable, handle: TlsHandle): void {
        const below = handle._parent as (TcpHandle & Record<symbol, unknown>) | undefined;
        if (below) below[ownerSymbol] ??= this;
        Reflect.apply(reinitialize, this, [handle]);
      },
  );

  const connectLate = (connect: AnyFunction): AnyFunction =>
    function (this: TcpHandle, request: ConnectRequest, address: string, port: number): number {
      const socket = (this as unknown as Record<symbol, Replaceable | undefined>)[ownerSymbol];
      const onHost = (): number =>
        listening.bindForReal(this) || (Reflect.apply(connect, this, [request, address, port]) as number);
      const place = classifyAddress(address, network);
      if (place === 'host' || !socket || isOnHost(socket)) return onHost();
      if (place === 'virtual') return connectVirtually(this, socket, request, address, port);

      const connectDecided = (): void => {
        if (!isHandleOf(socket, this)) return; // closed meanwhile
        const isVirtual = network.isVirtualAddress(unmapped(address));
        if (!isVirtual && network.loginError) explainConnect(request, socket, network.loginError);
        const error = isVirtual ? connectVirtually(this, socket, request, address, port) : onHost();
        if (error) request.oncomplete?.(error, this, request, false, false);
      };
      whenAddressDecided(address, network, connectDecided);
      return 0;
    };
  patches.replace(TCP.prototype as object, 'connect', connectLate);
  patches.replace(TCP.prototype as object, 'connect6', connectLate);

  // resetAndDestroy() asks `handle instanceof TCP`.
  patches.define(TCP, Symbol.hasInstance, {
    configurable: true,
    value: (handle: unknown): boolean =>
      Function.prototype[Symbol.hasInstance].call(TCP, handle) || isStreamHandle(handle),
  });

  function connectVirtually(
    old: TcpHandle,
    socket: Replaceable,
    request: ConnectRequest,
    address: string,
    port: number,
  ): number {
    if (isReadByAnother(old, socket)) return errnoOf('ENOTSUP');
    const bound = listening.boundTo(old);
    const handle = newHandle(socket);
    if (bound) handle.bind(bound.address, bound.port);
    swapLate(socket, old, handle);
    return handle.connect(request, address, port);
  }

  function newHandle(socket: Replaceable): StreamHandle {
    const handle = createStreamHandle(network);
    (handle as unknown as Record<symbol, unknown>)[ownerSymbol] = socket;
    return handle;
  }

  function swapLate(socket: Replaceable, old: TcpHandle, handle: StreamHandle): void {
    replaceHandle(socket, handle, reinitializeHandle);
    // What the app or Node set on the handle, e.g. `reading`, or a method that a test double stands for.
    for (const key of Object.keys(old)) {
      if (!(key in handle) || isMethod(TCP.prototype, key)) Reflect.set(handle, key, Reflect.get(old, key));
    }
  }
}

/** Without calling a native accessor. */
function isMethod(prototype: object, key: string): boolean {
  return typeof Object.getOwnPropertyDescriptor(prototype, key)?.value === 'function';
}

function isHandleOf({ _handle }: SocketInternals, handle: TcpHandle): boolean {
  return _handle === handle || (_handle as TlsHandle | null)?._parent === handle;
}

/** Only a socket that has no handle yet, or a TLSSocket with the fresh one that its constructor makes. */
function canSwapEarly(socket: SocketInternals): boolean {
  if (socket.destroyed) {
    // As connect() itself does with a socket that is used again.
    socket._handle = null;
    socket._peername = null;
    socket._sockname = null;
  }
  const handle = socket._handle as TlsHandle | null;
  if (!handle) return !socket.connecting;
  // A TLSSocket says that it is connecting from the start; its TCP handle is fresh until it has a descriptor.
  const isFresh = handle._parent?.fd === -1 && !handle._parentWrap && !isStreamHandle(handle._parent);
  return isFresh && !socket._parent?.connecting && !isReadByAnother(handle, socket);
}

/** TLS attached to this handle natively, through another socket; replacing it now would crash. */
function isReadByAnother(handle: object, socket: SocketInternals): boolean {
  return socket._handle === handle && Object.getOwnPropertyDescriptor(handle, 'reading')?.get !== undefined;
}
