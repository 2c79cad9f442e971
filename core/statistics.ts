/** What a node has sent, received and dropped, for those who want to see: plain values that survive JSON. */
import type { Inbound } from './inbound';
import type { PacketModule } from './packet/packet-module';
import { describePath } from './packet/path';
import type { Paths } from './packet/paths/paths';
import type { StackCounters } from './packet/stack/counters';
import type { Stack } from './packet/stack/stack';
import type { DropReason } from './packet/wireguard/tunnel-contract';
import type { Counters } from './packet/wireguard/path-counters';
import type { Tunnel } from './packet/wireguard/tunnel';
import type { VirtualAddresses } from './wire/addresses';

export interface PathStatistics extends Counters {
  /** `address:port`, or `relay address:port`. */
  readonly path: string;
  /** Smoothed round trip time, milliseconds; undefined where it was not measured. */
  readonly rttMs: number | undefined;
}

export interface TunnelStatistics extends Counters {
  readonly fqdn: string;
  readonly virtualAddresses: VirtualAddresses;
  readonly state: Tunnel['state'];
  /** Where packets are sent now. */
  readonly path: string;
  /** The largest inner packet that this path is known to carry, bytes. */
  readonly mtu: number;
  /** Milliseconds since something authentic was received; undefined before. */
  readonly silentMs: number | undefined;
  /** By path, those used last. */
  readonly paths: readonly PathStatistics[];
}

export interface Statistics {
  readonly tunnels: readonly TunnelStatistics[];
  /** Datagrams and inner packets that were not let in, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Segments and datagrams that found a port closed because the inbound rules do not admit their sender. */
  readonly refused: Readonly<Record<'tcp' | 'udp', number>>;
  /** Of the virtual stack; undefined before it is first used. */
  readonly stack: StackCounters | undefined;
}

export function statisticsOf(
  packets: PacketModule | undefined,
  ways: Paths | undefined,
  stack: Stack | undefined,
  inbound: Inbound,
  nowMs: number,
): Statistics {
  return {
    tunnels: [...(packets?.tunnels ?? [])].map((tunnel) => tunnelStatistics(tunnel, ways, nowMs)),
    dropped: Object.fromEntries(packets?.drops ?? []),
    refused: { ...inbound.refusals },
    stack: stack?.statistics(),
  };
}

function tunnelStatistics(tunnel: Tunnel, ways: Paths | undefined, nowMs: number): TunnelStatistics {
  const { fqdn, virtualAddresses, state, path, mtu, lastReceivedMs, counters, pathCounters } = tunnel;
  return {
    ...{ fqdn, virtualAddresses, state, mtu, ...counters },
    path: describePath(path),
    silentMs: lastReceivedMs === -Infinity ? undefined : Math.round(nowMs - lastReceivedMs),
    paths: [...pathCounters].map((row) => ({
      path: describePath(row.path),
      rttMs: ways?.rttMs(tunnel, row.path),
      ...row.counters,
    })),
  };
}
