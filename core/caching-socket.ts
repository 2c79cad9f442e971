/** A UDP socket of the virtual stack whose datagrams to cached ports are stored when their receiver turns out to be away. */
import type { UdpFailure, UdpSocket } from './packet/stack/stack-contract';
import type { Endpoint } from './wire/addresses';

interface Cache {
  /** False: it is to be sent. */
  takeInstead(bytes: Uint8Array, sourcePort: number, to: Endpoint): boolean;
  sent(bytes: Uint8Array, sourcePort: number, to: Endpoint): void;
}

export class CachingSocket implements UdpSocket {
  private remote: Endpoint | undefined;

  constructor(
    private readonly socket: UdpSocket,
    private readonly isCached: (to: Endpoint) => boolean,
    private readonly cache: Cache,
  ) {}

  get local(): Endpoint {
    return this.socket.local;
  }

  connect(remote: Endpoint): void {
    this.remote = remote;
    this.socket.connect(remote);
  }

  disconnect(): void {
    this.remote = undefined;
    this.socket.disconnect();
  }

  send(bytes: Uint8Array, to: Endpoint | undefined = this.remote): UdpFailure | undefined {
    if (!to || !this.isCached(to)) return this.socket.send(bytes, to);
    const { port } = this.local;
    if (this.cache.takeInstead(bytes, port, to)) return undefined;
    const failure = this.socket.send(bytes, to);
    if (!failure) this.cache.sent(bytes, port, to);
    return failure;
  }

  countOverflow(): void {
    this.socket.countOverflow();
  }

  countUnsent(): void {
    this.socket.countUnsent();
  }

  close(): void {
    this.socket.close();
  }
}
