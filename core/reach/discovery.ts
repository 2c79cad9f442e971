/**
 * What a node finds out about itself (paper 3.4; RFC 4787, RFC 5780), and when: after it has registered, beside all
 * else, it looks at itself from the relay servers that its DC has named, and tells the DC what is new.
 *
 *   nothing known -- the DC names relays --> looking -- done --> known: told to the DC if it is news
 *        ^                                      ^                  |
 *        |                                      '-- somebody sees this node at another endpoint, other relays:
 *        '-- the host has changed its network       some time after the last look, and longer each time
 *
 * A node that stays where it is sends nothing for this.
 */
import type { DatagramPort, Runtime, Timer } from '../runtime';
import type { Trace } from '../trace';
import { type Endpoint, familyOf, formatEndpoint, sameEndpoint } from '../wire/addresses';
import { isStun } from '../wire/stun';
import { KeepAlive } from './keep-alive';
import { mayReach } from './ip-versions';
import { look, nearest, type Look, type RelayServer, type View } from './look';
import { MappingLifetime } from './mapping-lifetime';
import { Sightings } from './sightings';
import { isNews, isNewsForPaths, overallMapping, reachOf, type Observation, type Reach } from './situation';
import { PortMappings, type RouterRuntime } from './port-mappings';
import { StunClient } from './stun-client';

/** The first byte of a success response. */
export const STUN_ANSWER = 1;
const HOST_ENDPOINTS_LIMIT = 12;
/** Between looks that nothing but a NAT has caused; doubled each time. */
const FIRST_INTERVAL_MS = 10_000;
const INTERVAL_LIMIT_MS = 600_000;
/** Servers whose view is remembered. */
const OBSERVERS_LIMIT = 32;
const NO_LOOK: Look = { views: [], reachable: {} };

export interface DiscoveryOptions {
  readonly runtime: Pick<Runtime, 'clock' | 'timers' | 'random' | 'hostAddresses'> & RouterRuntime;
  readonly trace: Trace;
  readonly part: string;
  /** The sockets that carry this node's tunnels; they may still be to come. */
  readonly ports: readonly DatagramPort[];
  /** Whether the router is asked for an endpoint when strangers do not reach this node; default: off. */
  readonly portMapping?: 'auto' | 'off' | undefined;
  send(datagram: Uint8Array, to: Endpoint): void;
  /** The DC should be told of another `reach`. */
  onNews(): void;
}

export class Discovery {
  /** For the DC; undefined while nothing is known. */
  reach: Reach | undefined;
  readonly keepAlive = new KeepAlive();
  /** Of the node's own sockets. */
  readonly sightings: Sightings;
  private readonly client: StunClient;
  private readonly mappings: PortMappings;
  private readonly lifetime: MappingLifetime;
  private readonly observers = new Map<string, Endpoint>();
  /** Endpoints that gateways map to this node, by who had them mapped. */
  private readonly mapped = new Map<string, readonly Endpoint[]>();
  private relays: readonly RelayServer[] = [];
  private lastLook: Look | undefined;
  private lastLookMs = -Infinity;
  private intervalMs = FIRST_INTERVAL_MS;
  /** The DC has been told of another endpoint than where it sees this node now. */
  private isStale = false;
  private hasNewsForPaths = false;
  private looking: Promise<void> | undefined;
  private isWanted = false;
  private timer: Timer | undefined;
  /** Counts the host's networks: what was seen of an earlier one says nothing. */
  private network = 0;
  private closed = false;

  constructor(private readonly options: DiscoveryOptions) {
    const { clock, timers, random } = options.runtime;
    this.client = new StunClient({ clock, timers, random, send: (datagram, to) => options.send(datagram, to) });
    this.sightings = new Sightings(clock, this.client);
    this.mappings = new PortMappings({
      ...{ ...options, sockets: options.ports },
      onMapped: (by, endpoints) => this.setMapped(by, endpoints),
    });
    this.lifetime = new MappingLifetime({
      ...{ runtime: options.runtime, send: (datagram: Uint8Array, to: Endpoint) => options.send(datagram, to) },
      onKnown: (intervalMs) => this.keepAliveFound(intervalMs),
    });
  }

  /** Where this node's sockets can be reached by its own account of its interfaces. */
  hostEndpoints(): Endpoint[] {
    const endpoints = this.options.runtime.hostAddresses().flatMap(({ address, family }) => {
      const port = this.options.ports.find((candidate) => candidate.family === family);
      return port ? [{ address, port: port.local.port }] : [];
    });
    return endpoints.slice(0, HOST_ENDPOINTS_LIMIT);
  }

  /** A server says where it sees this node; `relays`: the DC, also from where else the node may look. */
  observed(by: Endpoint, endpoint: Endpoint, relays?: readonly RelayServer[]): void {
    const before = this.observers.get(formatEndpoint(by));
    this.observe(formatEndpoint(by), endpoint);
    const isOther = before !== undefined && !sameEndpoint(before, endpoint);
    const areOther = relays !== undefined && JSON.stringify(relays) !== JSON.stringify(this.relays);
    if (relays) this.relays = relays;
    if (isOther || areOther) this.isWanted = true;
    if (isOther) this.isStale = true;
    if (this.isWanted && (relays || isOther)) this.lookSoon();
  }

  /** Endpoints at which a router lets others reach this node (PCP, NAT-PMP, UPnP-IGD); none: not any more. */
  setMapped(by: string, endpoints: readonly Endpoint[]): void {
    this.mapped.set(by, endpoints);
    this.conclude();
  }

  /** The host has changed its network: nothing that was known is. Once it is registered there, it looks again. */
  hostMoved(): void {
    this.network += 1;
    this.observers.clear();
    this.mapped.clear();
    this.lastLook = this.reach = undefined;
    this.lastLookMs = -Infinity;
    this.intervalMs = FIRST_INTERVAL_MS;
    this.timer?.cancel();
    this.isWanted = true;
    this.mappings.hostMoved();
    this.lifetime.stop();
    this.keepAlive.set(undefined);
  }

  /** The DC has named relays to look from, and what this node is will be known soon. */
  get isUnsure(): boolean {
    return this.relays.length > 0 && this.lastLook === undefined;
  }

  /** A server that tells where it sees this host: the nearest one that is known. */
  observer(family: 4 | 6): Endpoint | undefined {
    const others = this.relays.flatMap(({ endpoints }) => endpoints.filter((each) => familyOf(each) === family));
    return nearest(this.lastLook?.views ?? [], family)?.at ?? others[0];
  }

  /** Whether tunnels on relays may do better since this was last asked. */
  takeNewsForPaths(): boolean {
    const hasNews = this.hasNewsForPaths;
    this.hasNewsForPaths = false;
    return hasNews;
  }

  /** False when the datagram is no STUN at all: a WireGuard handshake may begin with the same byte. */
  receive(datagram: Uint8Array, from: Endpoint): boolean {
    if (!isStun(datagram)) return false;
    this.client.receive(datagram, from);
    return true;
  }

  /** Answers of STUN that nobody asked for. */
  get strays(): number {
    return this.client.strays;
  }

  /** The newest look, once it is there, and where who has seen this node; nothing when there are no relays. */
  async found(): Promise<{ look: Look; observations: Observation[] }> {
    while (this.looking) await this.looking;
    return { look: this.lastLook ?? NO_LOOK, observations: this.observations };
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.client.close();
    this.mappings.close();
    this.lifetime.stop();
  }

  private lookSoon(): void {
    if (this.looking || this.closed || this.relays.length === 0) return;
    const { clock, timers } = this.options.runtime;
    const delayMs = this.lastLookMs + this.intervalMs - clock.now();
    this.timer?.cancel();
    if (delayMs > 0) this.timer = timers.schedule(delayMs, () => this.lookNow());
    else this.lookNow();
  }

  private lookNow(): void {
    this.looking = this.look().finally(() => {
      this.looking = undefined;
      // After a move nobody has seen this node yet: it looks once it is registered.
      if (this.isWanted && this.observers.size > 0) this.lookSoon();
    });
  }

  private async look(): Promise<void> {
    const { network } = this;
    this.isWanted = false;
    if (this.lastLookMs > -Infinity) this.intervalMs = Math.min(2 * this.intervalMs, INTERVAL_LIMIT_MS);
    this.lastLookMs = this.options.runtime.clock.now();
    const { ports, runtime } = this.options;
    const isCurrent = (): boolean => !this.closed && network === this.network;
    const relays = this.relays.map(({ name, endpoints }) => ({
      ...{ name, endpoints: endpoints.filter((endpoint) => mayReach(endpoint, runtime)) },
    }));
    const families = ports.map(({ family }) => family);
    const found = await look(this.client, relays, families, (views) => isCurrent() && this.seen(views));
    if (!isCurrent()) return;
    this.lastLook = found;
    const hidden = ([4, 6] as const).find((family) => found.reachable[family] === false);
    if (hidden && this.options.portMapping === 'auto') this.mappings.begin();
    const server = hidden && nearest(found.views, hidden);
    if (server) this.lifetime.measure(server);
    this.conclude();
  }

  /** A dependent mapping is told at once: with many correspondent nodes there is a search to begin (scatter.ts). */
  private seen(views: readonly View[]): void {
    for (const { at, mapped } of views) if (mapped) this.observe(formatEndpoint(at), mapped);
    if (!this.reach && overallMapping(this.observations, this.hostEndpoints()) === 'dependent') this.conclude();
  }

  private keepAliveFound(intervalMs: number | undefined): void {
    const { trace, part } = this.options;
    if (intervalMs !== this.keepAlive.intervalMs) trace({ part, event: 'keep alive', intervalMs });
    this.keepAlive.set(intervalMs);
  }

  private conclude(): void {
    if (this.closed) return;
    const before = this.reach;
    const { lastLook = NO_LOOK, observations } = this;
    const reach = reachOf(observations, this.hostEndpoints(), lastLook, [...this.mapped.values()].flat());
    if (!this.isStale && !isNews(before, reach)) return;
    this.hasNewsForPaths ||= this.isStale || isNewsForPaths(before, reach);
    this.isStale = false;
    this.reach = reach;
    const { trace, part } = this.options;
    trace({ part, event: 'reach', ...describe(reach) });
    this.options.onNews();
  }

  private get observations(): Observation[] {
    return [...this.observers].map(([by, endpoint]) => ({ by, endpoint }));
  }

  private observe(by: string, endpoint: Endpoint): void {
    this.observers.delete(by);
    this.observers.set(by, endpoint);
    for (const oldest of this.observers.keys()) {
      if (this.observers.size <= OBSERVERS_LIMIT) break;
      this.observers.delete(oldest);
    }
  }
}

function describe({ outside = [], relays = [], ...rest }: Reach): object {
  const rtts = relays.map(({ name, rttMs }) => `${name} ${rttMs} ms`);
  return { ...rest, outside: outside.map(formatEndpoint).join(', '), relays: rtts.join(', ') };
}
