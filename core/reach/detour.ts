/**
 * The way to servers where no UDP passes: TLS (stream-port.ts). Who sends to a server names its UDP endpoint, and is
 * told of that one when something comes back, whichever way it goes; so nobody above knows of it.
 *
 *   udp -- a server that is silent by UDP answers over TLS -------------------------> tls
 *   tls -- a trial by UDP is answered, or a server that is silent over TLS answers -> udp
 *
 * A request that is unanswered for SILENT_MS goes both ways when it is sent again: a datagram that arrives twice is known
 * for what it is, since it is one transaction. So nothing waits until one way was given up. While TLS is in use, UDP is
 * tried now and then, less often when it did not last; and another network of the host begins with UDP.
 */
import type { Clock, Random, Runtime, Timer, Timers } from '../runtime';
import { formatEndpoint, type Endpoint } from '../wire/addresses';
import { Offset, SIGNALLING_MAGIC } from '../wire/header';
import { kindOf, messageName } from '../wire/messages';
import type { StreamConnections } from './stream-port';
import { UdpTrial } from './udp-trial';

/** Two tries of a request (250 and 500 ms). */
const SILENT_MS = 700;
const TRIAL_MS = { first: 60_000, limit: 1_920_000 };
/** An AS, DCs, and the RS of many tunnels. */
const SERVERS_LIMIT = 256;
const LOST_INTERVAL_MS = 1_000;

export type Way = 'udp' | 'tls';

export interface DetourOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** TLS alone, whether UDP passes or not. */
  readonly tlsOnly: boolean;
  openStreamPort: Runtime['openStreamPort'];
  sendByUdp(datagram: Uint8Array, to: Endpoint): void;
  onDatagram(datagram: Uint8Array, from: Endpoint): void;
  /** Servers know this node by where its datagrams came from: they have to be told. */
  onChange(way: Way): void;
  /** The TLS connection in use to this server has ended. */
  onLost(server: Endpoint): void;
}

interface Server {
  /** As it was last named. */
  endpoint: Endpoint;
  streams: readonly Endpoint[];
  serverName: string | undefined;
  /** Of the streams, that which has answered. */
  chosen: Endpoint | undefined;
  /** When the first request was sent that nothing has come back after. */
  unansweredMs: number | undefined;
  lostMs: number;
}

export class Detour {
  private current: Way;
  private readonly byEndpoint = new WeakMap<Endpoint, Server>();
  private readonly byName = new Map<string, Server>();
  private readonly byStream = new Map<string, Server>();
  private connections: StreamConnections | undefined;
  private trial: UdpTrial | undefined;
  private trialTimer: Timer | undefined;
  /** How often TLS was needed in this network. */
  private falls = 0;

  constructor(private readonly options: DetourOptions) {
    this.current = options.tlsOnly ? 'tls' : 'udp';
  }

  get way(): Way {
    return this.current;
  }

  /** A server that takes datagrams over TLS at these endpoints, too. `serverName`: its host name, if it has one. */
  add(endpoint: Endpoint, streams: readonly Endpoint[], serverName?: string): void {
    const name = formatEndpoint(endpoint);
    let server = this.byName.get(name);
    if (!server) {
      if (streams.length === 0) return;
      if (this.byName.size >= SERVERS_LIMIT) this.forgetOldest();
      server = { endpoint, streams: [], serverName, chosen: undefined, unansweredMs: undefined, lostMs: -Infinity };
    }
    this.byName.delete(name); // the newest last
    this.byName.set(name, server);
    this.byEndpoint.set(endpoint, server);
    server.endpoint = endpoint;
    if (streams.length > 0) this.setStreams(server, streams);
  }

  /** False: the endpoint is not such a server's, and UDP is the only way. The endpoint is known by identity. */
  send(datagram: Uint8Array, to: Endpoint): boolean {
    const server = this.byEndpoint.get(to);
    if (!server || server.streams.length === 0) return false;
    const { clock, tlsOnly, sendByUdp } = this.options;
    const isRequest = asksForAnswer(datagram);
    if (isRequest) server.unansweredMs ??= clock.now();
    const isSilent = isRequest && this.isSilent(server);
    if (this.current === 'tls' || isSilent) this.sendByTls(datagram, server);
    if (!tlsOnly && (this.current === 'udp' || isSilent)) sendByUdp(datagram, to);
    return true;
  }

  /** Signalling came by UDP. True: it was the answer to a trial, and is nobody else's. */
  receivedByUdp(datagram: Uint8Array, from: Endpoint): boolean {
    if (this.trial?.isAnsweredBy(datagram)) {
      this.change('udp');
      return true;
    }
    const server = this.byName.get(formatEndpoint(from));
    if (!server) return false;
    const wasSilent = this.isSilent(server);
    server.unansweredMs = undefined;
    if (wasSilent) this.change('udp');
    return false;
  }

  /** A firewall of this host lets no UDP out there. True: there is another way, and it is taken from the next try on. */
  forbidden(to: Endpoint): boolean {
    const server = this.byEndpoint.get(to);
    if (!server) return false;
    server.unansweredMs = -Infinity;
    return true;
  }

  /** The host has another network. */
  hostMoved(): void {
    this.connections?.endAll();
    this.endTrials();
    this.falls = 0;
    if (!this.options.tlsOnly) this.current = 'udp';
    for (const server of this.byName.values()) server.chosen = server.unansweredMs = undefined;
  }

  close(): void {
    this.connections?.endAll();
    this.endTrials();
    this.byName.clear();
    this.byStream.clear();
  }

  private setStreams(server: Server, streams: readonly Endpoint[]): void {
    for (const before of server.streams) this.byStream.delete(formatEndpoint(before));
    server.streams = streams.map(({ address, port }) => ({ address, port, stream: true }));
    for (const stream of server.streams) this.byStream.set(formatEndpoint(stream), server);
    const { chosen } = server;
    server.chosen = chosen && server.streams.find((stream) => formatEndpoint(stream) === formatEndpoint(chosen));
  }

  private forgetOldest(): void {
    for (const [name, server] of this.byName) {
      this.byName.delete(name);
      for (const stream of server.streams) {
        this.byStream.delete(formatEndpoint(stream));
        this.connections?.end(stream);
      }
      server.streams = [];
      return;
    }
  }

  private isSilent({ unansweredMs }: Server): boolean {
    return unansweredMs !== undefined && this.options.clock.now() - unansweredMs >= SILENT_MS;
  }

  /** To all its endpoints until one has answered. */
  private sendByTls(datagram: Uint8Array, { chosen, streams, serverName }: Server): void {
    this.connections ??= this.openConnections();
    for (const to of chosen ? [chosen] : streams) this.connections.send(datagram, to, serverName);
  }

  private openConnections(): StreamConnections {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const loaded = require('./stream-port') as typeof import('./stream-port');
    const { clock, timers, openStreamPort } = this.options;
    return new loaded.StreamConnections({
      ...{ clock, timers, openStreamPort },
      onDatagram: (datagram, from) => this.receivedByTls(datagram, from),
      onLost: (stream) => this.lost(stream),
    });
  }

  private receivedByTls(datagram: Uint8Array, from: Endpoint): void {
    const server = this.byStream.get(formatEndpoint(from));
    if (!server) return;
    if (!server.chosen) {
      server.chosen = from;
      for (const other of server.streams) if (other !== from) this.connections?.end(other);
    }
    const wasSilent = this.isSilent(server);
    if (datagram[0] === SIGNALLING_MAGIC) server.unansweredMs = undefined;
    if (wasSilent) this.change('tls');
    this.options.onDatagram(datagram, server.endpoint);
  }

  private lost(stream: Endpoint): void {
    const server = this.byStream.get(formatEndpoint(stream));
    if (!server) return;
    server.chosen = undefined;
    const now = this.options.clock.now();
    if (this.current === 'udp' || now - server.lostMs < LOST_INTERVAL_MS) return;
    server.lostMs = now;
    this.options.onLost(server.endpoint);
  }

  private change(to: Way): void {
    if (this.current === to || this.options.tlsOnly) return;
    this.current = to;
    this.endTrials();
    if (to === 'tls') this.tryLater(Math.min(TRIAL_MS.first * 2 ** this.falls++, TRIAL_MS.limit));
    else this.connections?.endAll();
    for (const server of this.byName.values()) server.unansweredMs = undefined;
    this.options.onChange(to);
  }

  private tryLater(delayMs: number): void {
    const { timers, random, sendByUdp } = this.options;
    this.trialTimer = timers.schedule(delayMs, () => {
      this.trial?.end();
      const servers = [...this.byName.values()].map(({ endpoint }) => endpoint);
      this.trial = new UdpTrial({ timers, random, servers, sendByUdp });
      this.tryLater(delayMs);
    });
  }

  private endTrials(): void {
    this.trialTimer?.cancel();
    this.trial?.end();
    this.trial = undefined;
  }
}

function asksForAnswer(datagram: Uint8Array): boolean {
  if (datagram[0] !== SIGNALLING_MAGIC || (datagram[Offset.flags]! & 0x80) !== 0) return false;
  const name = messageName(datagram[Offset.type]!);
  return name !== undefined && kindOf(name) === 'request';
}
