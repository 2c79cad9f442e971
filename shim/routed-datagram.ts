/**
 * A UDP handle whose datagrams are routed by their destination, so that one socket talks to virtual and to real peers.
 * The real socket stays for everything else: options, multicast, and all other destinations.
 *
 *   bind      a wildcard by NTMOBILE_LISTEN's rules: for real, and with the same port in the virtual stack; or there
 *             only, with a real socket of any port beside it that receives nothing until it has sent
 *   implicit  bind, by the first send: nobody knows the port yet, so the virtual stack hears of it only if something
 *             is sent there, and a program that never does needs no node
 *   send      to a virtual address: by the virtual stack
 *   connect   to a virtual address: the real socket stops receiving
 *   receive   from both, into the same `onmessage`
 *
 * Its methods stand for UDPWrap's of the same names, and return what those return.
 */
import type { VirtualNetwork } from '../core/virtual-network';
import type { Endpoint } from '../core/wire/addresses';
import type { DatagramOutbox } from './datagram-outbox';
import { Hold } from './liveness';
import { errnoOf } from './node-errors';
import type { AddressOut, SendRequest, UdpHandle } from './node-internals';
import { isWildcard, mapped, unmapped, type BindPlace } from './policy';
import { VirtualDatagram } from './virtual-datagram';

/** uv_udp_flags. */
const UV_UDP_IPV6ONLY = 1;
const UV_UDP_REUSEADDR = 4;

export interface Binding {
  readonly place: BindPlace;
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly flags: number;
  /** By send() or connect(), which bind what is not bound. */
  readonly isImplicit?: boolean;
}

/** UDPWrap's own methods, of the family that the handle has. */
export type RealUdp = Omit<
  UdpHandle,
  'onmessage' | 'bind6' | 'send6' | 'connect6' | 'close' | 'ref' | 'unref' | 'open'
>;

export class RoutedDatagram {
  readonly #virtual: VirtualDatagram;
  readonly #hold = new Hold(this);
  #isReferenced = true;
  #isReceiving = false;
  #receivesForReal = false;

  constructor(
    private readonly handle: UdpHandle,
    private readonly real: RealUdp,
    private readonly network: VirtualNetwork,
    outbox: DatagramOutbox,
    private readonly binding: Binding,
  ) {
    const { place, address, family, flags } = binding;
    this.#virtual = new VirtualDatagram(handle, network, outbox, {
      ...{ place, family, ipv6Only: (flags & UV_UDP_IPV6ONLY) !== 0 },
      address: isWildcard(address) || place === 'host' ? wildcardOf(family) : unmapped(address),
    });
  }

  bind(): number {
    const { place, address, port, family, flags, isImplicit } = this.binding;
    const error = this.real.bind.call(
      this.handle,
      ...(place === 'virtual' ? ([wildcardOf(family), 0, flags] as const) : ([address, port, flags] as const)),
    );
    if (error || place === 'host' || isImplicit) return error;
    const taken = this.#virtual.open(place === 'virtual' ? port : this.#realPort());
    return (flags & UV_UDP_REUSEADDR) !== 0 && taken === errnoOf('EADDRINUSE') ? 0 : taken;
  }

  /** It has been bound, by a file descriptor. Who has bound it may have opened its port, and serves it then. */
  adopt(): void {
    if (this.binding.place !== 'host') this.#virtual.open(this.#realPort());
  }

  /** (request, list, count, port, address, hasCallback), or without port and address when connected. */
  send(request: SendRequest, list: readonly ArrayBufferView[], count: number, ...rest: unknown[]): number {
    const [port, address, hasCallback] = rest;
    if (typeof port !== 'number') {
      const { remote } = this.#virtual;
      if (!remote) return this.real.send.call(this.handle, request, list, count, ...rest);
      return this.#virtual.send(request, bytesOf(list), remote, port === true);
    }
    if (!this.isVirtual(address)) {
      this.#receiveForReal();
      return this.real.send.call(this.handle, request, list, count, ...rest);
    }
    const refusal = this.#openLate();
    return refusal || this.#virtual.send(request, bytesOf(list), endpoint(address, port), hasCallback === true);
  }

  connect(address: string, port: number): number {
    if (!this.isVirtual(address)) {
      this.#receiveForReal();
      const error = this.real.connect.call(this.handle, address, port);
      this.#virtual.isConnectedForReal = error === 0;
      return error;
    }
    const refusal = this.#openLate() || this.#virtual.connect(endpoint(address, port));
    if (refusal) return refusal;
    if (this.#receivesForReal) this.real.recvStop.call(this.handle);
    this.#receivesForReal = false;
    this.#updateHold();
    return 0;
  }

  disconnect(): number {
    if (!this.#virtual.remote) {
      this.#virtual.isConnectedForReal = false;
      return this.real.disconnect.call(this.handle);
    }
    this.#virtual.disconnect();
    if (this.binding.place !== 'virtual') this.#receiveForReal();
    return 0;
  }

  recvStart(): number {
    this.#isReceiving = this.#virtual.isReceiving = true;
    if (!this.#virtual.remote && this.binding.place !== 'virtual') this.#receiveForReal();
    this.#updateHold();
    return 0;
  }

  recvStop(): number {
    this.#isReceiving = this.#virtual.isReceiving = this.#receivesForReal = false;
    this.#updateHold();
    return this.real.recvStop.call(this.handle);
  }

  getsockname(out: AddressOut): number {
    const error = this.real.getsockname.call(this.handle, out);
    if (error) return error;
    const { address, family, place } = this.binding;
    const { remote, port } = this.#virtual;
    if (place === 'virtual') Object.assign(out, { address, port: port || out.port });
    const own = remote?.address.includes(':') ? this.network.addresses?.ipv6 : this.network.addresses?.ipv4;
    if (remote && own && isWildcard(out.address ?? '')) out.address = family === 6 ? mapped(own) : own;
    return 0;
  }

  getpeername(out: AddressOut): number {
    const { remote } = this.#virtual;
    if (!remote) return this.real.getpeername.call(this.handle, out);
    const { family } = this.binding;
    const address = family === 6 ? mapped(remote.address) : remote.address;
    Object.assign(out, { address, family: `IPv${family}`, port: remote.port });
    return 0;
  }

  /** Since setRecvBufferSize. */
  receiveBufferChanged(limitBytes: number): void {
    this.#virtual.receiveBufferBytes = limitBytes;
  }

  getSendQueueSize(): number {
    return this.real.getSendQueueSize.call(this.handle) + this.#virtual.waiting.bytes;
  }

  getSendQueueCount(): number {
    return this.real.getSendQueueCount.call(this.handle) + this.#virtual.waiting.count;
  }

  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    this.#updateHold();
  }

  close(): void {
    this.#isReceiving = false;
    this.#updateHold();
    this.#virtual.close();
  }

  /** An address of the other family is left to the real socket, which has an error for it. */
  private isVirtual(address: unknown): address is string {
    if (typeof address !== 'string' || address.includes(':') !== (this.binding.family === 6)) return false;
    return this.network.isVirtualAddress(unmapped(address));
  }

  #openLate(): number {
    if (this.#virtual.isOpen) return 0;
    const { place, address } = this.binding;
    if (place !== 'host') return this.#virtual.open(this.#realPort()) && this.#virtual.open(0);
    // As a kernel refuses to send by another interface what is bound to an address of this one.
    if (!isWildcard(address)) return errnoOf(/^127\.|^::1$/.test(address) ? 'EINVAL' : 'EADDRNOTAVAIL');
    return this.#virtual.open(0);
  }

  #receiveForReal(): void {
    if (!this.#isReceiving || this.#receivesForReal) return;
    this.#receivesForReal = true;
    this.real.recvStart.call(this.handle);
    this.#updateHold();
  }

  #realPort(): number {
    const out: AddressOut = {};
    this.real.getsockname.call(this.handle, out);
    return out.port ?? 0;
  }

  /** The real socket holds the process while it receives; the virtual one does when it does alone. */
  #updateHold(): void {
    this.#hold.set(this.#isReceiving && this.#isReferenced && !this.#receivesForReal);
  }
}

const wildcardOf = (family: 4 | 6): string => (family === 4 ? '0.0.0.0' : '::');
const endpoint = (address: string, port: number): Endpoint => ({ address: unmapped(address), port });

function bytesOf(list: readonly ArrayBufferView[]): Uint8Array {
  const views = list.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
  return views.length === 1 ? views[0]! : Buffer.concat(views);
}
