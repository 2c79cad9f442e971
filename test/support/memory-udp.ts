/** UDP of a network in memory: datagrams arrive a turn later, and where nobody listens the sender hears of it. */
import type { UdpEvents, UdpFailure, UdpOpenOptions, UdpSocket } from '../../core/packet/stack/stack-contract';
import type { Endpoint, VirtualAddresses } from '../../core/wire/addresses';
import type { MemoryLink } from './memory-tcp';

const LARGEST = 65_487;

export class MemoryUdp {
  private readonly sockets = new Set<MemoryUdpSocket>();
  private ephemeralPort = 49_152;
  /** Datagrams for which a socket's owner had no room. */
  overflows = 0;
  /** Datagrams that a socket's owner gave up. */
  unsent = 0;

  constructor(
    private readonly link: MemoryLink,
    /** This process is both: what goes to one of them comes from the other. */
    private readonly own: VirtualAddresses,
    private readonly other: VirtualAddresses,
  ) {}

  get socketCount(): number {
    return this.sockets.size;
  }

  open({ address, port, ipv6Only = false }: UdpOpenOptions, events: UdpEvents): UdpSocket {
    const local = { address, port: port || this.ephemeralPort++ };
    if ([...this.sockets].some((other) => other.local.port === local.port)) throw stackError('EADDRINUSE');
    const wildcard = address === '::' || address === '0.0.0.0';
    if (!wildcard && address !== this.own.ipv4 && address !== this.own.ipv6) throw stackError('EADDRNOTAVAIL');
    const family = address === '::' && !ipv6Only ? 46 : address.includes(':') ? 6 : 4;
    const socket: MemoryUdpSocket = new MemoryUdpSocket(local, family, events, {
      send: (bytes, to) => this.send(socket, Uint8Array.from(bytes), to),
      close: () => this.sockets.delete(socket),
      overflow: () => this.overflows++,
      unsent: () => this.unsent++,
    });
    this.sockets.add(socket);
    return socket;
  }

  private send(sender: MemoryUdpSocket, bytes: Uint8Array, to: Endpoint): UdpFailure | undefined {
    const family = to.address.includes(':') ? 6 : 4;
    if (sender.family !== 46 && sender.family !== family) return 'EAFNOSUPPORT';
    if (bytes.length > LARGEST) return 'EMSGSIZE';
    const isOwn = to.address === this.own.ipv4 || to.address === this.own.ipv6;
    const { ipv4, ipv6 } = isOwn ? this.other : this.own;
    const from = { address: family === 6 ? ipv6 : ipv4, port: sender.local.port };
    this.link.send(() => {
      const receiver = [...this.sockets].find((candidate) => candidate.hears(family, to));
      if (!receiver) return sender.refused(to);
      if (receiver.accepts(from)) receiver.events.received(bytes, from, to.address);
    });
    return undefined;
  }
}

class MemoryUdpSocket implements UdpSocket {
  private remote: Endpoint | undefined;

  constructor(
    readonly local: Endpoint,
    readonly family: 4 | 6 | 46,
    readonly events: UdpEvents,
    private readonly network: {
      send(bytes: Uint8Array, to: Endpoint): UdpFailure | undefined;
      close(): void;
      overflow(): void;
      unsent(): void;
    },
  ) {}

  connect(remote: Endpoint): void {
    this.remote = remote;
  }

  disconnect(): void {
    this.remote = undefined;
  }

  send(bytes: Uint8Array, to = this.remote): UdpFailure | undefined {
    return to ? this.network.send(bytes, to) : 'EINVAL';
  }

  countOverflow(): void {
    this.network.overflow();
  }

  countUnsent(): void {
    this.network.unsent();
  }

  close(): void {
    this.network.close();
  }

  hears(family: 4 | 6, { address, port }: Endpoint): boolean {
    if (port !== this.local.port || (this.family !== 46 && this.family !== family)) return false;
    return ['::', '0.0.0.0', address].includes(this.local.address);
  }

  accepts(from: Endpoint): boolean {
    return !this.remote || (this.remote.address === from.address && this.remote.port === from.port);
  }

  /** Nodes a and b are this process: the answer of either counts as the remote's. */
  refused(to: Endpoint): void {
    if (this.remote && this.remote.address === to.address && this.remote.port === to.port) {
      this.events.failed('ECONNREFUSED');
    }
  }
}

function stackError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
