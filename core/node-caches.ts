/** What a node has of the cache (paper 2.5): each half is loaded and made when it is first asked for. */
import { TakenInMemory } from './cache/contract';
import type { DatagramCache } from './datagram-cache';
import type { NodeCache } from './node-cache';
import type { Membership } from './negotiation/membership';
import type { NodeOptions } from './node-options';
import type { PacketPath } from './packet-path';
import type { Signalling } from './wire/signalling';
import type { Endpoint } from './wire/addresses';

export interface NodeCachesOptions {
  readonly node: NodeOptions;
  readonly part: string;
  readonly signalling: Signalling<Endpoint>;
  fqdn(): string | undefined;
  membership(): Membership;
  packetPath(): PacketPath;
  whenJoined(): Promise<void>;
  /** As the DC says now. */
  isAbsent(address: string): Promise<boolean>;
}

export class NodeCaches {
  private itemsIfUsed: NodeCache | undefined;
  private datagramsIfCached: DatagramCache | undefined;

  constructor(private readonly options: NodeCachesOptions) {}

  get items(): NodeCache {
    if (this.itemsIfUsed) return this.itemsIfUsed;
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const loaded = require('./node-cache') as typeof import('./node-cache');
    const { node, part, signalling, fqdn, membership, whenJoined } = this.options;
    const { runtime, trace, secretKey, taken = new TakenInMemory(), hold = () => () => {} } = node;
    return (this.itemsIfUsed = new loaded.NodeCache({
      ...{ runtime, trace, part, secretKey, signalling, taken, hold, fqdn, whenJoined },
      coordinator: () => membership().coordinator(),
      onLost: (coordinator, reason) => membership().doubt(coordinator, reason),
    }));
  }

  /** Undefined when no datagrams are cached (NTMOBILE_CACHE). */
  get datagrams(): DatagramCache | undefined {
    const { node, packetPath, isAbsent } = this.options;
    const { cachedPorts: ports, allow } = node.config;
    if (!ports || this.datagramsIfCached) return this.datagramsIfCached;
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const loaded = require('./datagram-cache') as typeof import('./datagram-cache');
    return (this.datagramsIfCached = new loaded.DatagramCache({
      ...{ runtime: node.runtime, ports, allow, cache: () => this.items, isAbsent },
      isZone: (name) => node.namespace.isZone(name),
      addresses: () => packetPath().addresses,
      lastReceivedMs: (address) => packetPath().packets.tunnelTo(address)?.lastReceivedMs,
      boundPorts: () => packetPath().stack.udp.ports,
      inject: (bytes, from, to) => packetPath().stack.udp.inject(bytes, from, to),
    }));
  }

  /** Of who has sent a cached datagram. */
  nameOf(address: string): string | undefined {
    return this.datagramsIfCached?.nameOf(address);
  }

  joined(): void {
    this.itemsIfUsed?.postbox.joined();
  }

  close(): void {
    this.datagramsIfCached?.close();
    this.itemsIfUsed?.close();
  }
}
