/** A UDP socket of the stack whose owner is in a worker thread (remote-datagrams.ts). */
import type { UdpEvents, UdpFailure, UdpOpenOptions, UdpSocket } from '../packet/stack/stack-contract';
import type { VirtualNetwork } from '../virtual-network';
import type { Endpoint } from '../wire/addresses';
import type { UdpEvent, UdpRequest } from './messages';

/** In the port, on their way to the worker: what arrives meanwhile is dropped, as when a socket's buffer is full. */
const UNDER_WAY_LIMIT = 512;

export class HostedDatagrams implements UdpEvents {
  private socket: UdpSocket | undefined;
  private underWay = 0;

  constructor(
    private readonly post: (event: UdpEvent) => void,
    private readonly network: VirtualNetwork,
  ) {}

  /** Throws StackError. */
  open(options: UdpOpenOptions): Endpoint {
    this.socket = this.network.openUdp(options, this);
    return this.socket.local;
  }

  take(request: UdpRequest): void {
    const { socket } = this;
    if (!socket) return;
    if ('send' in request) {
      const failure = socket.send(request.send, request.to);
      if (failure) this.failed(failure);
    } else if ('taken' in request) this.underWay -= request.taken;
    else if ('connect' in request) {
      if (request.connect) socket.connect(request.connect);
      else socket.disconnect();
    } else if ('count' in request) {
      if (request.count === 'overflow') socket.countOverflow();
      else socket.countUnsent();
    } else {
      socket.close();
      this.socket = undefined;
    }
  }

  received(bytes: Uint8Array, from: Endpoint, to: string): boolean {
    if (this.underWay >= UNDER_WAY_LIMIT) {
      this.socket?.countOverflow();
      return false;
    }
    this.underWay++;
    // They may be a part of a larger buffer, which would be moved as a whole.
    this.post({ received: new Uint8Array(bytes), from, to, name: this.network.nameOf(from.address) });
    return true;
  }

  failed(reason: UdpFailure): void {
    this.post({ failed: reason });
  }
}
