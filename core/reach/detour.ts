/**
 * The ways to servers: UDP as the host sends it; where none passes, TLS (stream-port.ts); and where the host's own
 * interface carries nothing, UDP by another one (standby-ports.ts). Who sends to a server names its UDP endpoint, and is
 * told of that one when something comes back, whichever way it goes; so nobody above knows of it.
 *
 *   udp -- a server that is silent by UDP answers over TLS, or by another interface ----> tls, interface
 *   tls, interface -- a trial by UDP is answered, or a server that is silent answers ---> udp
 *
 * A request that is unanswered for SILENT_MS goes all ways when it is sent again: a datagram that arrives twice is known
 * for what it is, since it is one transaction. So nothing waits until one way was given up. While another way is in use,
 * UDP is tried now and then, less often when it did not last; and another network of the host begins with UDP. Another
 * interface comes last: which one is used is the wish of who has set the host's routes.
 */
import { backOff } from '../back-off';
import type { Clock, Random, Runtime, Sender, Timer, Timers } from '../runtime';
import { familyOf, formatEndpoint, sameEndpoint, type Endpoint } from '../wire/addresses';
import { Offset, SIGNALLING_MAGIC } from '../wire/header';
import { kindOf, messageName } from '../wire/messages';
import { isStun } from '../wire/stun';
import type { StreamConnections } from './stream-port';
import { Trial } from './trial';

/** Two tries of a request (250 and 500 ms). */
const SILENT_MS = 700;
/** What was sent by the host's own interface at the same time may be answered so much later than by another one. */
const GRACE_MS = { udp: 150, tls: 1_000 };
const TRIAL_MS = {
  tls: { first: 60_000, limit: 1_920_000 },
  interface: { first: 5_000, limit: 60_000 },
};
/** Many tunnels may ask for a trial at once. */
const TRIAL_INTERVAL_MS = 1_000;
/** An AS, DCs, and the RS of many tunnels. */
const SERVERS_LIMIT = 256;
const LOST_INTERVAL_MS = 1_000;

/** `interface`: UDP by another one than the host's own way. */
export type Way = 'udp' | 'tls' | 'interface';

/** A socket on the address of an interface. */
export type OtherSocket = Sender & { readonly address?: string };

export interface DetourOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** TLS alone, whether UDP passes or not. */
  readonly tlsOnly: boolean;
  openStreamPort: Runtime['openStreamPort'];
  sendByUdp(datagram: Uint8Array, to: Endpoint): void;
  /** Sockets of this IP version by other interfaces; those that are missing are opened, and there later. */
  others(family: 4 | 6): readonly OtherSocket[];
  onDatagram(datagram: Uint8Array, from: Endpoint): void;
  /** Servers know this node by where its datagrams came from: they have to be told. */
  onChange(way: Way, before: Way): void;
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
  /** Of the sockets by other interfaces. */
  other: OtherSocket | undefined;
  /** When the first request was sent that nothing has come back after. */
  unansweredMs: number | undefined;
  lostMs: number;
  /** False once it is forgotten, for there were too many. */
  isKnown: boolean;
}

export class Detour {
  private current: Way;
  private readonly byEndpoint = new WeakMap<Endpoint, Server>();
  private readonly byName = new Map<string, Server>();
  private readonly byStream = new Map<string, Server>();
  private connections: StreamConnections | undefined;
  private trial: Trial | undefined;
  private trialMs = -Infinity;
  private trialTimer: Timer | undefined;
  /** Something was answered by another interface alone, so far. */
  private grace: Timer | undefined;
  private tlsTrial: Trial | undefined;
  /** How often another way than UDP was needed in this network, since UDP last lasted. */
  private falls = 0;
  private udpSinceMs = -Infinity;

  constructor(private readonly options: DetourOptions) {
    this.current = options.tlsOnly ? 'tls' : 'udp';
  }

  get way(): Way {
    return this.current;
  }

  /** The host's address that this server is reached from, where that is another interface's than the host's own way. */
  otherAddress(server: Endpoint): string | undefined {
    if (this.current !== 'interface') return undefined;
    const family = familyOf(server);
    return [...this.byName.values()].find(({ endpoint, other }) => other && familyOf(endpoint) === family)?.other
      ?.address;
  }

  /** Whether servers are reached by this socket. */
  takes(socket: OtherSocket): boolean {
    return this.current === 'interface' && [...this.byName.values()].some(({ other }) => other === socket);
  }

  /** `streams`: where it takes datagrams over TLS, too. `serverName`: its host name, if it has one. */
  add(endpoint: Endpoint, streams: readonly Endpoint[], serverName?: string): void {
    const name = formatEndpoint(endpoint);
    let server = this.byName.get(name);
    if (!server) {
      if (this.byName.size >= SERVERS_LIMIT) this.forgetOldest();
      server = newServer(endpoint, serverName);
    }
    this.byName.delete(name); // the newest last
    this.byName.set(name, server);
    this.byEndpoint.set(endpoint, server);
    server.endpoint = endpoint;
    if (streams.length > 0) this.setStreams(server, streams);
  }

  /** False: UDP is the only way there. The endpoint is known by identity. */
  send(datagram: Uint8Array, to: Endpoint): boolean {
    const server = this.byEndpoint.get(to);
    if (!server?.isKnown) return false;
    const { clock, tlsOnly, sendByUdp } = this.options;
    const takesTls = server.streams.length > 0;
    if (!takesTls && tlsOnly) return false;
    const isRequest = asksForAnswer(datagram);
    if (isRequest) server.unansweredMs ??= clock.now();
    const isSilent = isRequest && this.isSilent(server);
    const byTls = takesTls && (this.current === 'tls' || isSilent);
    // What asks an RS how this node is seen asks about its own socket.
    const byOther = isSilent || (this.current === 'interface' && !isStun(datagram));
    if (byTls) this.sendByTls(datagram, server);
    if (byOther && !tlsOnly) this.sendByOthers(datagram, server, isSilent);
    if (!tlsOnly && (isSilent || !(byTls || byOther))) sendByUdp(datagram, to);
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
    this.endGrace();
    if (wasSilent) this.change('udp');
    return false;
  }

  /** Signalling came by a socket of another interface. The result: from whom, as it is known to who sends there. */
  receivedByOther(from: Endpoint, by: OtherSocket): Endpoint {
    const server = this.byName.get(formatEndpoint(from));
    if (!server) return from;
    const wasSilent = this.isSilent(server);
    server.other = by;
    server.unansweredMs = undefined;
    if (wasSilent && this.current !== 'interface' && !this.grace) this.beginGrace(server);
    return server.endpoint;
  }

  /** Something tells that UDP may pass again. */
  tryUdp(): void {
    const { clock, timers, random, tlsOnly, sendByUdp } = this.options;
    const nowMs = clock.now();
    if (tlsOnly || this.current === 'udp' || nowMs - this.trialMs < TRIAL_INTERVAL_MS) return;
    this.trialMs = nowMs;
    this.trial?.end();
    const servers = [...this.byName.values()].map(({ endpoint }) => endpoint);
    this.trial = new Trial({ timers, random, servers, send: sendByUdp });
  }

  /** A firewall of this host lets no UDP out there. True: there is another way, and it is taken from the next try on. */
  forbidden(to: Endpoint): boolean {
    const server = this.byEndpoint.get(to);
    if (!server || server.streams.length === 0) return false;
    server.unansweredMs = -Infinity;
    return true;
  }

  /** The host has another network. */
  hostMoved(): void {
    this.connections?.endAll();
    this.endTrials();
    this.falls = 0;
    if (!this.options.tlsOnly) this.current = 'udp';
    for (const server of this.byName.values()) server.chosen = server.other = server.unansweredMs = undefined;
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
      server.isKnown = false;
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

  /** By the socket that the server has answered by; by all until it has, or when it does not any more. */
  private sendByOthers(datagram: Uint8Array, { endpoint, other }: Server, isSilent: boolean): void {
    const open = this.options.others(familyOf(endpoint));
    const isKept = other !== undefined && !isSilent && open.includes(other);
    for (const socket of isKept ? [other] : open) socket.send(datagram, endpoint);
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
      for (const other of server.streams) if (!sameEndpoint(other, from)) this.connections?.end(other);
    }
    const wasSilent = this.isSilent(server);
    if (datagram[0] === SIGNALLING_MAGIC) server.unansweredMs = undefined;
    const isTrial = this.tlsTrial?.isAnsweredBy(datagram);
    const wasInGrace = this.grace !== undefined;
    this.endGrace();
    if (wasSilent || wasInGrace) this.change('tls');
    if (!isTrial) this.options.onDatagram(datagram, server.endpoint);
  }

  private lost(stream: Endpoint): void {
    const server = this.byStream.get(formatEndpoint(stream));
    if (!server) return;
    server.chosen = undefined;
    const now = this.options.clock.now();
    if (this.current !== 'tls' || now - server.lostMs < LOST_INTERVAL_MS) return;
    server.lostMs = now;
    this.options.onLost(server.endpoint);
  }

  private change(to: Way): void {
    const { current: before } = this;
    if (before === to || this.options.tlsOnly) return;
    this.current = to;
    this.endTrials();
    const nowMs = this.options.clock.now();
    if (to === 'udp') this.udpSinceMs = nowMs;
    else {
      if (before === 'udp' && nowMs - this.udpSinceMs > TRIAL_MS[to].limit) this.falls = 0;
      this.tryLater(backOff(TRIAL_MS[to], this.falls++));
    }
    if (to !== 'tls') this.connections?.endAll();
    for (const server of this.byName.values()) server.unansweredMs = undefined;
    this.options.onChange(to, before);
  }

  private tryLater(delayMs: number): void {
    this.trialTimer = this.options.timers.schedule(delayMs, () => {
      this.tryUdp();
      this.tryLater(delayMs);
    });
  }

  /** Servers do not answer a second copy while they work on the first: so TLS is asked by itself. */
  private beginGrace(server: Server): void {
    const { timers, random } = this.options;
    const takesTls = server.streams.length > 0;
    this.grace = timers.schedule(takesTls ? GRACE_MS.tls : GRACE_MS.udp, () => this.change('interface'));
    const send = (question: Uint8Array): void => this.sendByTls(question, server);
    if (takesTls) this.tlsTrial = new Trial({ timers, random, servers: [server.endpoint], send });
  }

  private endGrace(): void {
    this.grace?.cancel();
    this.tlsTrial?.end();
    this.grace = this.tlsTrial = undefined;
  }

  private endTrials(): void {
    this.endGrace();
    this.trialTimer?.cancel();
    this.trial?.end();
    this.trial = undefined;
    this.trialMs = -Infinity;
  }
}

function newServer(endpoint: Endpoint, serverName: string | undefined): Server {
  const unheard = { chosen: undefined, other: undefined, unansweredMs: undefined, lostMs: -Infinity };
  return { endpoint, streams: [], serverName, ...unheard, isKnown: true };
}

function asksForAnswer(datagram: Uint8Array): boolean {
  if (datagram[0] !== SIGNALLING_MAGIC || (datagram[Offset.flags]! & 0x80) !== 0) return false;
  const name = messageName(datagram[Offset.type]!);
  return name !== undefined && kindOf(name) === 'request';
}
