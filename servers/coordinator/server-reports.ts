/** NS, RS and CS as they report themselves to the DC: where they are, how loaded, and whether they still are there. */
import type { Clock } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import type { Body } from '../../core/wire/messages';
import type { Peer } from '../../core/wire/peers';
import type { Context } from '../../core/wire/signalling';

/** Three reports missed. */
const SILENT_MS = 30_000;

export interface ReportedServer {
  readonly peer: Peer;
  readonly kind: 'ns' | 'rs' | 'cs';
  /** Where its reports come from: where it hears the DC. */
  readonly signalling: Endpoint;
  /** Where it serves nodes. */
  readonly endpoints: readonly Endpoint[];
  /** And over TLS. */
  readonly streams: readonly Endpoint[];
  readonly load: number;
  readonly draining: boolean;
  readonly heardMs: number;
}

export class ServerReports {
  private readonly servers = new Map<string, ReportedServer>();

  constructor(private readonly clock: Clock) {}

  /** False when the peer is no server of that kind. */
  take(report: Body<'serverReport'>, { peer, from }: Context<Endpoint>): boolean {
    const { kind, load, endpoints, draining = false, streams = [] } = report;
    if (peer.party !== kind) return false;
    const heardMs = this.clock.now();
    this.servers.set(peer.name, { peer, kind, signalling: from, endpoints, streams, load, draining, heardMs });
    return true;
  }

  /** It is trusted no more, or was silent: then its next report brings it back. */
  forget(name: string): void {
    this.servers.delete(name);
  }

  /** Where a server of this name serves nodes. */
  addressesOf(name: string): readonly string[] | undefined {
    const known = this.servers.get(name);
    return known && [...new Set(known.endpoints.map(({ address }) => address))];
  }

  /** Of one kind, heard lately, least loaded first. */
  alive(kind: ReportedServer['kind']): ReportedServer[] {
    const since = this.clock.now() - SILENT_MS;
    return [...this.servers.values()]
      .filter((server) => server.kind === kind && server.heardMs >= since)
      .sort((a, b) => a.load - b.load);
  }
}
