/** A UDP socket of a worker thread: the stack's is beside the node (hosted-datagrams.ts). */
import type { UdpEvents, UdpSocket } from '../packet/stack/stack-contract';
import type { Endpoint } from '../wire/addresses';
import type { UdpEvent, UdpRequest } from './messages';

export class RemoteDatagrams implements UdpSocket {
  constructor(
    private readonly post: (request: UdpRequest) => void,
    private readonly onClosed: () => void,
    private readonly events: UdpEvents,
    readonly local: Endpoint,
  ) {}

  connect(remote: Endpoint): void {
    this.post({ connect: remote });
  }

  disconnect(): void {
    this.post({ connect: undefined });
  }

  /** What the stack says against it comes as `failed`. */
  send(bytes: Uint8Array, to?: Endpoint): undefined {
    this.post({ send: new Uint8Array(bytes), to });
  }

  countOverflow(): void {
    this.post({ count: 'overflow' });
  }

  countUnsent(): void {
    this.post({ count: 'unsent' });
  }

  close(): void {
    this.post({ close: true });
    this.onClosed();
  }

  take(event: UdpEvent): void {
    if ('failed' in event) return this.events.failed(event.failed);
    this.post({ taken: 1 });
    this.events.received(event.received, event.from, event.to);
  }
}
