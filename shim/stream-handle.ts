/**
 * The native handle of a virtual socket: a subclass of JSStream with the methods of a TCP handle.
 *
 * It is a real StreamBase, so TLSWrap, http2 and the HTTP parser attach to it natively. They call `onwrite`,
 * `onreadstart`, ... which JSStream looks up on the object; net.js calls the JavaScript methods. Both end in a
 * VirtualStream. JSStream refers to its object weakly: the stack, which holds the VirtualStream, keeps it alive.
 */
import type { Socket } from 'node:net';
import type { VirtualNetwork } from '../core/virtual-network';
import type { Endpoint } from '../core/wire/addresses';
import type { ConnectRequest } from './connect-outcome';
import { errnoOf } from './node-errors';
import {
  hasHttp2Session,
  markWriteSynchronous,
  reachJsStream,
  reachTcp,
  userBufferLength,
  type AddressOut,
  type JsStreamHandle,
  type NativeRequest,
  type SocketInternals,
} from './node-internals';
import { isWildcard, shownEndpoint, unmapped } from './policy';
import { VirtualStream } from './virtual-stream';

export interface StreamHandle extends JsStreamHandle {
  readonly stream: VirtualStream;
  /** The TLSSocket that reads through this handle, if one does (see hooks/tls.ts). */
  tlsSocket: Socket | undefined;
  /** Accepted by a dual-stack `::` listener: IPv4 addresses are shown as ::ffff:a.b.c.d, as a real one does. */
  showMapped: boolean;
  /** Who is told of errors. */
  consumer(): Socket | undefined;
  /** The most bytes that one readBuffer() may pass. */
  readLimit(): number;
  /** What attached to the handle natively, and takes what is read. */
  readonly nativeReader: NativeReader | undefined;
  bind(address: string, port: number): number;
  connect(request: ConnectRequest, address: string, port: number): number;
  close(callback?: () => void): void;
}

type NativeReader = 'tls' | 'http' | 'http2';
type StreamHandleClass = new (network: VirtualNetwork) => StreamHandle;

const oneByte = new Uint8Array(1);
/**
 * What is above zero is neither an error nor the promise to finish the request later, so that native code goes on as
 * after a uv_try_write that took all. An HTTP/2 session that is destroyed while a write is under way drops what waits
 * behind it, its GOAWAY too. (TLSWrap cannot do with it; it puts the end of a write off by itself.)
 */
const WRITTEN_AT_ONCE = 1;

export function defineStreamHandle(): StreamHandleClass {
  const { TCP, ownerSymbol, reinitializeHandle } = reachTcp();
  const Base = reachJsStream();

  // A class expression in a function, because its base class exists only at run time.
  return class TcpStreamHandle extends Base implements StreamHandle {
    readonly stream: VirtualStream;
    readonly #network: VirtualNetwork;
    tlsSocket: Socket | undefined;
    showMapped = false;
    #hasUserBuffer = false;
    /** What an asynchronous write from JavaScript is about: handed past native code, which would copy it. */
    #unwritten: Uint8Array | undefined;

    constructor(network: VirtualNetwork) {
      super();
      this.#network = network;
      this.stream = new VirtualStream(this, network);
    }

    consumer(): Socket | undefined {
      return this.tlsSocket ?? this.#owner();
    }

    #owner(): Socket | undefined {
      return (this as unknown as Record<symbol, Socket | undefined>)[ownerSymbol];
    }

    // --- called by JSStream ---

    onreadstart(): number {
      return this.stream.readStart();
    }
    onreadstop(): number {
      return this.stream.readStop();
    }
    onwrite(request: NativeRequest, buffers: readonly Uint8Array[]): number {
      if (this.#unwritten) return this.stream.write(request, [this.#unwritten]);
      const status = this.stream.write(request, buffers);
      return status === 0 && this.#isHttp2() && this.stream.takeBack(request) ? WRITTEN_AT_ONCE : status;
    }
    onshutdown(request: NativeRequest): number {
      return this.stream.shutdown(request);
    }
    isClosing(): boolean {
      return !this.stream.isOpen;
    }

    // --- writes: at once when the send buffer has room (`ws` needs it for bufferedAmount), natively otherwise ---

    override writeBuffer(request: NativeRequest, buffer: Uint8Array): number {
      if (!(buffer instanceof Uint8Array)) return super.writeBuffer(request, buffer); // which throws Node's error
      const written = this.stream.tryWrite(buffer);
      if (written < 0) return written;
      if (written === buffer.length) {
        markWriteSynchronous(request);
        return 0;
      }
      this.#unwritten = buffer.subarray(written);
      try {
        return super.writeBuffer(request, oneByte); // calls onwrite
      } finally {
        this.#unwritten = undefined;
      }
    }
    writev(request: NativeRequest, chunks: unknown[], allBuffers: boolean): number {
      return this.writeBuffer(request, Buffer.concat(allBuffers ? (chunks as Buffer[]) : decode(chunks)));
    }
    writeUtf8String(request: NativeRequest, text: string): number {
      return this.writeBuffer(request, Buffer.from(text, 'utf8'));
    }
    writeLatin1String(request: NativeRequest, text: string): number {
      return this.writeBuffer(request, Buffer.from(text, 'latin1'));
    }
    writeAsciiString(request: NativeRequest, text: string): number {
      return this.writeBuffer(request, Buffer.from(text, 'latin1'));
    }
    writeUcs2String(request: NativeRequest, text: string): number {
      return this.writeBuffer(request, Buffer.from(text, 'utf16le'));
    }
    get writeQueueSize(): number {
      return this.stream.queuedWriteLength;
    }

    // --- reads ---

    /** The app's own buffer takes one delivery per call, and the app may pause in between. */
    override useUserBuffer(buffer: Uint8Array): void {
      this.#hasUserBuffer = true;
      super.useUserBuffer(buffer);
    }
    readLimit(): number {
      return (this.#hasUserBuffer && userBufferLength(this.#owner())) || Infinity;
    }
    get nativeReader(): NativeReader | undefined {
      if (this.tlsSocket) return 'tls';
      if ((this as { _consumed?: boolean })._consumed === true) return 'http';
      return this.#isHttp2() ? 'http2' : undefined;
    }
    #isHttp2(): boolean {
      const owner = this.tlsSocket ? undefined : this.#owner();
      return owner !== undefined && hasHttp2Session(owner);
    }
    get bytesRead(): number {
      return this.stream.bytesRead;
    }
    get bytesWritten(): number {
      return this.stream.bytesWritten;
    }

    // --- as TCPWrap ---

    bind(address: string, port: number): number {
      this.stream.bound = isWildcard(address) ? { port } : { address: unmapped(address), port };
      return 0;
    }
    bind6(address: string, port: number): number {
      return this.bind(address, port);
    }
    connect(request: ConnectRequest, address: string, port: number): number {
      if (this.#network.isVirtualAddress(unmapped(address))) {
        return this.stream.connect(request, { address: unmapped(address), port });
      }
      return this.#connectReal(request, address, port);
    }
    connect6(request: ConnectRequest, address: string, port: number): number {
      return this.connect(request, address, port);
    }
    /** The name looked virtual, but the app's own `lookup` found a host address. */
    #connectReal(request: ConnectRequest, address: string, port: number): number {
      const socket = this.#owner() as (SocketInternals & Record<symbol, (handle: unknown) => void>) | undefined;
      if (!socket || (this.tlsSocket && this.tlsSocket !== socket)) return errnoOf('ENOTSUP'); // TLS attached natively
      const real = new TCP(0);
      socket[reinitializeHandle]!(real);
      (real as unknown as Record<symbol, unknown>)[ownerSymbol] = socket;
      const { address: localAddress, port: localPort } = this.stream.bound;
      const v6 = address.includes(':');
      const bound =
        localPort || localAddress
          ? real[v6 ? 'bind6' : 'bind'](localAddress ?? (v6 ? '::' : '0.0.0.0'), localPort ?? 0, 0)
          : 0;
      return bound || real[v6 ? 'connect6' : 'connect'](request, address, port);
    }
    getsockname(out: AddressOut): number {
      const { local, bound } = this.stream;
      return this.#describe(local ?? { address: bound.address ?? '0.0.0.0', port: bound.port ?? 0 }, out);
    }
    getpeername(out: AddressOut): number {
      return this.stream.remote ? this.#describe(this.stream.remote, out) : errnoOf('ENOTCONN');
    }
    #describe(endpoint: Endpoint, out: AddressOut): number {
      Object.assign(out, shownEndpoint(endpoint, this.showMapped));
      return 0;
    }
    setNoDelay(enabled: boolean): number {
      return this.stream.setNoDelay(enabled);
    }
    setKeepAlive(enabled: boolean, initialDelaySeconds: number): number {
      return this.stream.setKeepAlive(enabled, initialDelaySeconds * 1000);
    }
    setBlocking(): number {
      return 0;
    }
    ref(): void {
      this.stream.setReferenced(true);
    }
    unref(): void {
      this.stream.setReferenced(false);
    }
    hasRef(): boolean {
      return this.stream.isReferenced;
    }
    close(callback?: () => void): void {
      this.stream.close(callback);
    }
    /** uv_tcp_close_reset: RST instead of FIN. */
    reset(callback?: () => void): number {
      this.stream.close(callback, true);
      return 0;
    }
  };
}

/** writev's mixed form: chunk, encoding, chunk, encoding, ... */
function decode(chunks: unknown[]): Buffer[] {
  const buffers: Buffer[] = [];
  for (let i = 0; i < chunks.length; i += 2) {
    const chunk = chunks[i] as Buffer | string;
    buffers.push(typeof chunk === 'string' ? Buffer.from(chunk, chunks[i + 1] as BufferEncoding) : chunk);
  }
  return buffers;
}
