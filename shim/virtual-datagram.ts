/**
 * The virtual side of a UDP handle: what it sends to virtual addresses, and what arrives from there. The handle keeps
 * its real socket beside it, for all other destinations (hooks/dgram.ts tells them apart).
 *
 *   bound, a server's place       the port is open in the virtual stack from bind() on
 *   not bound before it sends     opened, with the same port, by the first datagram to a virtual address
 *   bound at the host only        so too, with any port, for answers from where such went
 */
import { AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import type { UdpEvents, UdpFailure, UdpSocket } from '../core/packet/stack/stack-contract';
import type { VirtualNetwork } from '../core/virtual-network';
import type { Endpoint } from '../core/wire/addresses';
import { DatagramInbox } from './datagram-inbox';
import type { DatagramOutbox } from './datagram-outbox';
import { holdDuring } from './liveness';
import { addCause, connectCode, emitWithCause, errnoOf } from './node-errors';
import { reachTcp, type SendRequest, type UdpHandle } from './node-internals';
import { mapped, type BindPlace } from './policy';

/** Of those to whom a socket that is bound at the host only has sent; of more the least recent is forgotten. */
const PEERS_LIMIT = 1_024;
/** By IP version: what the stack sends at most. Asked before a datagram waits, since it is the caller's mistake. */
const LARGEST = { 4: 65_507, 6: 65_487 } as const;

export interface DatagramBinding {
  readonly place: BindPlace;
  /** For the virtual stack: a wildcard, or a virtual address. */
  readonly address: string;
  readonly family: 4 | 6;
  readonly ipv6Only: boolean;
}

export class VirtualDatagram implements UdpEvents {
  isReceiving = false;
  /** connect() to a virtual address; the real socket hears nothing meanwhile. */
  remote: Endpoint | undefined;
  /** connect() to a real one; the virtual one hears nothing meanwhile. */
  isConnectedForReal = false;
  /** What waits for a tunnel. */
  readonly waiting = { count: 0, bytes: 0 };
  #socket: UdpSocket | undefined;
  #isClosed = false;
  readonly #peers = new Set<string>();
  /** Where the socket was made, as a native handle's events happen. */
  readonly #scope = new AsyncResource('NTMOBILEUDP', { requireManualDestroy: true });
  readonly #inbox = new DatagramInbox((bytes, from) => this.#deliver(bytes, from));

  constructor(
    private readonly handle: UdpHandle,
    private readonly network: VirtualNetwork,
    private readonly outbox: DatagramOutbox,
    readonly binding: DatagramBinding,
  ) {}

  /** Returns 0 or an errno. */
  open(port: number): number {
    const { address, ipv6Only } = this.binding;
    try {
      this.#socket = this.network.openUdp({ address, port, ipv6Only }, this);
      return 0;
    } catch (error) {
      return errnoOf((error as { code?: string }).code ?? 'EADDRNOTAVAIL');
    }
  }

  get isOpen(): boolean {
    return this.#socket !== undefined;
  }

  get port(): number {
    return this.#socket?.local.port ?? 0;
  }

  set receiveBufferBytes(limit: number) {
    this.#inbox.limitBytes = limit;
  }

  connect(remote: Endpoint): number {
    this.remote = remote;
    this.#socket!.connect(remote);
    return 0;
  }

  disconnect(): void {
    this.remote = undefined;
    this.#socket?.disconnect();
  }

  /** As UDPWrap's send: the length + 1 when it is done, 0 when `request.oncomplete` will be called, or an errno. */
  send(request: SendRequest, bytes: Uint8Array, to: Endpoint, hasCallback: boolean): number {
    if (bytes.length > LARGEST[to.address.includes(':') ? 6 : 4]) return errnoOf('EMSGSIZE');
    if (this.binding.place === 'host') this.#remember(to);
    let result: number | undefined;
    const go = (failure?: { readonly cause: unknown }): void => {
      const cached = failure && this.#cache(failure.cause, bytes, to);
      if (cached)
        return void holdDuring(cached).then(
          () => done(0),
          (cause: unknown) => done(this.#giveUp(connectCode(cause)), cause),
        );
      const status = failure ? this.#giveUp(connectCode(failure.cause)) : this.#transmit(bytes, to);
      if (result === undefined) result = status;
      else done(status, failure?.cause);
    };
    const done = (status: number, cause?: unknown): void => this.#complete(request, status, bytes.length, cause);
    // The caller's bytes may change once send() has returned.
    const kept = (): Uint8Array => (bytes = new Uint8Array(bytes));
    const waits = this.outbox.isWaiting(to.address);
    if (!this.outbox.send(to.address, waits ? kept() : bytes, go)) return this.#giveUp('ENOBUFS');
    if (result !== undefined) return result < 0 ? result : bytes.length + 1;
    if (!waits) kept();
    this.waiting.count++;
    this.waiting.bytes += bytes.length;
    result = 0;
    return hasCallback ? 0 : bytes.length + 1;
  }

  close(): void {
    this.#isClosed = true;
    this.#inbox.close();
    this.#closeWhenSent();
  }

  // --- what the stack tells ---

  received(bytes: Uint8Array, from: Endpoint): boolean {
    if (!this.isReceiving || this.isConnectedForReal) return false;
    if (this.binding.place === 'host' && !this.#peers.has(keyOf(from))) return false;
    if (this.#inbox.add(bytes, from)) return true;
    this.#socket?.countOverflow();
    return false;
  }

  failed(reason: UdpFailure): void {
    setImmediate(() => this.#report(errnoOf(reason)));
  }

  // --- the rest ---

  #deliver(bytes: Uint8Array, { address, port }: Endpoint): void {
    const { family } = this.binding;
    const from = { address: family === 6 ? mapped(address) : address, family: `IPv${family}`, port };
    const datagram = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#scope.runInAsyncScope(() => this.handle.onmessage?.(datagram.length, this.handle, datagram, from));
  }

  /** What a connected socket hears of what it sent: `recvmsg ECONNREFUSED`. */
  #report(errno: number, cause?: unknown): void {
    if (!this.isReceiving || this.#isClosed) return;
    const owner = (this.handle as unknown as Record<symbol, EventEmitter>)[reachTcp().ownerSymbol]!;
    this.#scope.runInAsyncScope(() =>
      emitWithCause(owner, cause, () => this.handle.onmessage?.(errno, this.handle, undefined)),
    );
  }

  /** A datagram that is not sent. */
  #giveUp(code: string): number {
    this.#socket?.countUnsent();
    return errnoOf(code);
  }

  /** Undefined for what is not stored for a node that is away. */
  #cache(cause: unknown, bytes: Uint8Array, to: Endpoint): Promise<void> | undefined {
    if ((cause as { code?: string }).code !== 'NTM_NODE_ABSENT') return undefined;
    return this.network.cacheDatagram?.(bytes, this.port, to);
  }

  #transmit(bytes: Uint8Array, to: Endpoint): number {
    const failure = this.#socket!.send(bytes, to);
    return failure ? errnoOf(failure) : 0;
  }

  /** Of a datagram that has waited. What the program does then, or throws, is not the others' concern. */
  #complete(request: SendRequest, status: number, length: number, cause: unknown): void {
    this.waiting.count--;
    this.waiting.bytes -= length;
    const { callback } = request;
    if (callback) {
      request.callback = (error, ...rest) => {
        if (error) addCause(error, cause);
        callback(error, ...rest);
      };
      setImmediate(() => this.#scope.runInAsyncScope(() => request.oncomplete?.(status, length)));
    } else if (status < 0 && this.remote) setImmediate(() => this.#report(status, cause));
    this.#closeWhenSent();
  }

  #closeWhenSent(): void {
    if (!this.#isClosed || this.waiting.count > 0) return;
    this.#socket?.close();
    this.#scope.emitDestroy();
  }

  #remember(to: Endpoint): void {
    const key = keyOf(to);
    if (!this.#peers.delete(key) && this.#peers.size >= PEERS_LIMIT) {
      this.#peers.delete(this.#peers.values().next().value!);
    }
    this.#peers.add(key); // last, since it was sent to last
  }
}

const keyOf = ({ address, port }: Endpoint): string => `${address} ${port}`;
