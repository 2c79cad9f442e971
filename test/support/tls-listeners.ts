/** What servers' machines have where they take datagrams over TLS, as host.ts and host-streams.ts give it to them. */
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { DatagramStreams } from '../../servers/datagram-streams';
import type { ConnectionEvents, NodeStream } from '../../servers/notification/connections';
import type { VirtualTime } from './virtual-time';

const FIRST_PORT = 50_000;

export class TlsListeners {
  private readonly listeners = new Map<string, DatagramStreams>();
  private connections = 0;

  constructor(private readonly time: VirtualTime) {}

  listen(at: Endpoint, receive: (datagram: Uint8Array, from: Endpoint) => void): DatagramStreams {
    const streams = new DatagramStreams({ clock: this.time, timers: this.time }, receive);
    this.listeners.set(formatEndpoint(at), streams);
    return streams;
  }

  /** As somebody who takes connections; undefined: nobody listens there. */
  at(to: Endpoint): { accept(stream: NodeStream): ConnectionEvents | undefined } | undefined {
    const { address, port } = to;
    const streams = this.listeners.get(formatEndpoint({ address, port }));
    if (!streams) return undefined;
    return {
      accept: ({ sourceAddress, write, close }) => {
        const source = { address: sourceAddress, port: FIRST_PORT + this.connections++ };
        return streams.accept({ source, queuedBytes: 0, write, close });
      },
    };
  }

  /** As when the process of the server is killed. */
  close(at: Endpoint): void {
    this.listeners.get(formatEndpoint(at))?.close();
    this.listeners.delete(formatEndpoint(at));
  }

  /** Its connections end, and new ones may come. */
  drop(at: Endpoint): void {
    this.listeners.get(formatEndpoint(at))?.close();
  }

  closeAll(): void {
    for (const streams of this.listeners.values()) streams.close();
  }

  /** Connections at this server. */
  sizeAt(at: Endpoint): number {
    return this.listeners.get(formatEndpoint(at))?.size ?? 0;
  }

  drops(): [string, number][] {
    return [...this.listeners.values()].flatMap(({ drops }) => [...drops]);
  }
}
