/**
 * A peer behind a NAT that lets only those in to whom it has sent something lets nothing in by another interface of this
 * host, unless it has sent there first. So it is called:
 *
 *   unanswered   a path by an interface that stands by: a server is asked where that is seen from outside
 *   called       the peer, by the path in use, sends one probe to that endpoint, from where it is: smaller than the call
 *   heard        by the interface, perhaps: what it came from is probed at once. And what it went to again later
 *
 * Who is called sends only where an authentic peer said, to public addresses and ports that NATs give, and rarely: of
 * one call comes one datagram, which means nothing to anybody else.
 */
import type { Clock, Random } from '../../runtime';
import { scopeOf } from '../../wire/address-scope';
import type { Endpoint } from '../../wire/addresses';
import type { DirectPath, StandbyPath, Via } from '../path';
import { encodeCall } from '../path-probe';
import type { Tunnel } from '../wireguard/tunnel';
import type { PathRecord } from './path-record';
import type { PathRecords } from './path-records';
import type { Standbys } from './standby';

/** Of one interface. */
const CALL_AGAIN_MS = 400;
/** A call and what comes of it take less. */
const EXPECTED_MS = 3_000;
/** Of the peer's calls, so many in so long are followed. */
const FOLLOWED = { calls: 8, inMs: 10_000 } as const;
/** No NAT gives a lower one, and servers are there. */
const LEAST_PORT = 1_024;

export class Calls {
  private readonly calledMs = new WeakMap<Via, number>();
  private readonly followedMs: number[] = [];

  constructor(
    private readonly tunnel: Tunnel,
    private readonly records: PathRecords,
    private readonly ports: { readonly clock: Clock; readonly random: Random; readonly standbys?: Standbys },
    private readonly probe: (record: PathRecord) => void,
  ) {}

  /** The peer shall send to where this socket is seen. Never rejects. */
  async call(via: Via): Promise<void> {
    if (this.sinceCallMs(via) < CALL_AGAIN_MS) return;
    this.calledMs.set(via, this.ports.clock.now());
    const endpoint = await this.ports.standbys?.outside(via);
    if (!endpoint || !isOutside(endpoint)) return;
    this.calledMs.set(via, this.ports.clock.now());
    this.tunnel.sendControl(encodeCall(this.ports.random.bytes(8), endpoint));
  }

  /** The peer is heard by an interface that stands by. */
  heard(from: StandbyPath): void {
    if (this.sinceCallMs(from.via) < EXPECTED_MS) this.probeUnlessKnown(from);
  }

  /** The peer has called. */
  follow(endpoint: Endpoint): void {
    const nowMs = this.ports.clock.now();
    if (!isOutside(endpoint) || !this.isFollowed(nowMs)) return;
    const { path } = this.tunnel;
    const via = path.kind === 'direct' && path.via; // which the peer's NAT, too, knows this node by
    this.probeUnlessKnown({ kind: 'direct', endpoint, ...(via && { via }) });
  }

  private probeUnlessKnown(path: DirectPath): void {
    const record = this.records.known(path);
    if (record?.isToBeTried(this.ports.clock.now())) this.probe(record);
  }

  private isFollowed(nowMs: number): boolean {
    const { followedMs } = this;
    if (followedMs.length === FOLLOWED.calls && nowMs - followedMs[0]! < FOLLOWED.inMs) return false;
    followedMs.push(nowMs);
    if (followedMs.length > FOLLOWED.calls) followedMs.shift();
    return true;
  }

  private sinceCallMs(via: Via): number {
    return this.ports.clock.now() - (this.calledMs.get(via) ?? -Infinity);
  }
}

function isOutside({ address, port }: Endpoint): boolean {
  return scopeOf(address) === 'global' && port >= LEAST_PORT;
}
