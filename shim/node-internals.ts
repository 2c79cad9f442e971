/**
 * The border to Node's internals: how its native classes and private symbols are reached, and their shapes.
 * `process.binding` is not used: it is refused under the permission model and warns under --pending-deprecation.
 * Everything here is lazy; `tls`, the dearest, is loaded when the first virtual socket is made.
 */
/* eslint-disable @typescript-eslint/no-explicit-any */
import type { Socket } from 'node:net';
import net from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';

export type AnyFunction = (...args: any[]) => any;
type Constructor<T> = new (...args: any[]) => T;

/** The out parameter of getsockname and getpeername. */
export interface AddressOut {
  address?: string;
  family?: 'IPv4' | 'IPv6';
  port?: number;
}

/** WriteWrap, ShutdownWrap, TCPConnectWrap: what Node passes to a handle and gets back in `oncomplete`. */
export interface NativeRequest {
  oncomplete?: ((...args: any[]) => void) | undefined;
}

/** StreamBase and JSStream (src/js_stream.cc). Every method returns 0 or a negative errno. */
export interface JsStreamHandle {
  getAsyncId(): number;
  onread: AnyFunction;
  reading?: boolean;
  readBuffer(bytes: Uint8Array): void;
  emitEOF(): void;
  finishWrite(request: NativeRequest, status: number): void;
  finishShutdown(request: NativeRequest, status: number): void;
  useUserBuffer(buffer: Uint8Array): void;
  writeBuffer(request: NativeRequest, buffer: Uint8Array): number;
}

/** TCPWrap (src/tcp_wrap.cc). */
export interface TcpHandle {
  /** -1 before bind or connect. */
  readonly fd: number;
  onconnection?: (status: number, client: unknown) => void;
  bind(address: string, port: number): number;
  bind6(address: string, port: number, flags: number): number;
  listen(backlog: number): number;
  getsockname(out: AddressOut): number;
  getpeername(out: AddressOut): number;
  close(callback?: () => void): void;
  ref(): void;
  unref(): void;
  connect(request: NativeRequest, address: string, port: number): number;
  connect6(request: NativeRequest, address: string, port: number): number;
  writeBuffer(request: NativeRequest, buffer: Uint8Array): number;
}

/** SendWrap, as node:dgram fills it in. */
export interface SendRequest extends NativeRequest {
  callback?: ((error: Error | null, ...rest: unknown[]) => void) | undefined;
}

/** UDPWrap (src/udp_wrap.cc). `size` is a datagram's, or a negative errno. */
export interface UdpHandle {
  onmessage?: (size: number, handle: UdpHandle, datagram: Buffer | undefined, from?: object) => void;
  /** Of literal addresses, too, by send() and connect() before they call the handle. */
  lookup?: (address: unknown, callback: (...found: unknown[]) => void) => void;
  bind(address: string, port: number, flags: number): number;
  bind6(address: string, port: number, flags: number): number;
  connect(address: string, port: number): number;
  connect6(address: string, port: number): number;
  disconnect(): number;
  send(request: SendRequest, datagram: readonly ArrayBufferView[], count: number, ...rest: unknown[]): number;
  send6(request: SendRequest, datagram: readonly ArrayBufferView[], count: number, ...rest: unknown[]): number;
  open(descriptor: number): number;
  recvStart(): number;
  recvStop(): number;
  /** Sets the size of the receive or send buffer, unless `size` is 0, and returns it; undefined on an error. */
  bufferSize(size: number, isReceive: boolean, context: object): number | undefined;
  getSendQueueSize(): number;
  getSendQueueCount(): number;
  getsockname(out: AddressOut): number;
  getpeername(out: AddressOut): number;
  close(callback?: () => void): void;
  ref(): void;
  unref(): void;
}

/** The parts of net.Socket that are not in its types. */
export interface SocketInternals extends net.Socket {
  _handle: any;
  _parent: SocketInternals | null;
  _peername: unknown;
  _sockname: unknown;
  _undestroy?: () => void;
}

export interface TcpInternals {
  readonly TCP: Constructor<TcpHandle>;
  /** handle[ownerSymbol] is the net.Socket or net.Server that the handle belongs to. */
  readonly ownerSymbol: symbol;
  /** socket[reinitializeHandle](handle) replaces a socket's handle; TLSSocket's also wraps it again. */
  readonly reinitializeHandle: symbol;
}

let tcpInternals: TcpInternals | undefined;

/**
 * A Socket makes its TCP handle in connect(), and then looks at its arguments. Nothing is closed here or put off to a
 * later tick, which an async hook of the program would see, and which would let its loop turn once.
 */
export function reachTcp(): TcpInternals {
  if (tcpInternals) return tcpInternals;
  const probe = new net.Socket() as SocketInternals;
  try {
    probe.connect({ port: 0, localAddress: 'none' });
  } catch {
    // ERR_INVALID_IP_ADDRESS
  }
  const handle = probe._handle as TcpHandle;
  const TCP = handle.constructor as Constructor<TcpHandle>;
  const ownerSymbol = findSymbol(handle, 'owner_symbol');
  handle.unref();
  tcpInternals = { TCP, ownerSymbol, reinitializeHandle: findSymbol(net.Socket.prototype, 'kReinitializeHandle') };
  return tcpInternals;
}

export interface UdpInternals {
  readonly UDP: Constructor<UdpHandle>;
  /** dgram's own class of sockets. */
  readonly Socket: Constructor<object>;
}

let udpInternals: UdpInternals | undefined;

/** A dgram.Socket keeps its UDP handle in its state; it has no file descriptor before it is bound. */
export function reachUdp(): UdpInternals {
  if (udpInternals) return udpInternals;
  const { createSocket, Socket } = require('node:dgram') as typeof import('node:dgram');
  const probe = createSocket('udp4');
  const { handle } = (probe as any)[findSymbol(probe, 'state symbol')];
  udpInternals = { UDP: handle.constructor as Constructor<UdpHandle>, Socket };
  handle.unref(); // and not closed: as above
  return udpInternals;
}

let jsStreamClass: Constructor<JsStreamHandle> | undefined;

/** TLS over a stream that has no handle wraps the stream in a JSStream. Not destroyed, as above; it holds nothing. */
export function reachJsStream(): Constructor<JsStreamHandle> {
  if (jsStreamClass) return jsStreamClass;
  const { TLSSocket } = loadTls();
  const { Duplex } = require('node:stream') as typeof import('node:stream');
  const stream: Duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const probe = new TLSSocket(stream) as TLSSocket & { _handle: any };
  jsStreamClass = probe._handle._parentWrap._handle.constructor as Constructor<JsStreamHandle>;
  probe.on('error', () => {});
  return jsStreamClass;
}

export function loadTls(): typeof import('node:tls') {
  return require('node:tls') as typeof import('node:tls');
}

let unconnected: TcpHandle | undefined;
const oneByte = new Uint8Array(1);

/**
 * Tells Node that the write it just dispatched completed synchronously.
 *
 * Node reads that from `streamBaseState[kLastWriteWasAsync]`, which only native code can set. A write to a TCP handle
 * that was never connected sets it to "synchronous", fails with EBADF before it touches anything, and costs 0.1 us.
 */
export function markWriteSynchronous(request: NativeRequest): void {
  if (!unconnected) {
    unconnected = new (reachTcp().TCP)(0);
    unconnected.unref();
  }
  unconnected.writeBuffer(request, oneByte);
}

/**
 * Calls back where libuv ends uv_close(): in this turn of the loop, after its immediates. Only a native handle's own
 * close callback runs there.
 */
export function inClosePhase(callback: () => void): void {
  new (reachTcp().TCP)(0).close(callback);
}

/** Without loading it. */
export function isClusterPrimary(): boolean {
  return moduleLoadList().includes('NativeModule internal/cluster/primary');
}

export function isClusterWorker(): boolean {
  return process.connected && moduleLoadList().includes('NativeModule internal/cluster/child');
}

function moduleLoadList(): string[] {
  return (process as unknown as { moduleLoadList: string[] }).moduleLoadList;
}

const loaded = { modules: 0, http2: false };

/** An HTTP/2 session without TLS reads the socket natively; of that JavaScript sees only how it watches the socket. */
export function hasHttp2Session(socket: Socket): boolean {
  return isHttp2Loaded() && socket.rawListeners('close').some(({ name }) => name === 'socketOnClose');
}

function isHttp2Loaded(): boolean {
  const list = moduleLoadList();
  if (list.length > loaded.modules) {
    loaded.modules = list.length;
    loaded.http2 = list.includes('NativeModule internal/http2/core');
  }
  return loaded.http2;
}

/** The buffer an app gave in `new net.Socket({ onread: { buffer } })`, of which Node may ask a fresh one per read. */
export function userBufferLength(socket: unknown): number | undefined {
  const key = Object.getOwnPropertySymbols(socket as object).find((symbol) => symbol.description === 'kBuffer');
  const buffer: unknown = key && (socket as any)[key];
  return buffer instanceof Uint8Array ? buffer.length : undefined;
}

function findSymbol(object: object, description: string): symbol {
  for (let at: object | null = object; at; at = Object.getPrototypeOf(at) as object | null) {
    const found = Object.getOwnPropertySymbols(at).find((symbol) => symbol.description === description);
    if (found) return found;
  }
  throw new Error(`ntmobile: this version of Node (${process.version}) has no ${description}`);
}
