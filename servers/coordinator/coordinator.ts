/**
 * DC, the direction coordinator (paper 2.2): locations, virtual addresses and introductions of the nodes of its zone.
 * This file takes messages apart and puts them together; Figure 4 steps 6 to 13 are here,
 * introducer.ts does Figure 5 steps 2 to 16. Its DNS is in dns-server.ts.
 */
import { sameEndpoint, type Endpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { Signalling, type Context } from '../../core/wire/signalling';
import { canonicalName } from '../../core/wire/names';
import type { NameServers, ServerMachine, ServerPorts, TrustedServer } from '../server-ports';
import type { SessionStore } from '../store/session-store';
import type { AssignmentStore, NodeKeyStore } from '../store/store';
import { Acquaintances } from './acquaintances';
import { AddressPool, type PoolOptions } from './address-pool';
import { CacheService } from './cache-service';
import { EndedSessions } from './ended-sessions';
import { Introducer } from './introducer';
import { Introductions } from './introductions';
import { NameCheck } from './name-check';
import { Neighbours } from './neighbours';
import { NotificationService, RESTING_KEEP_ALIVE_MS } from './notification-service';
import { Permissions } from './permissions';
import { Registrations, type Registered, type Registration, type Session } from './registrations';
import { Relays } from './relays';
import { Residents } from './residents';
import { ServerReports } from './server-reports';
import { SessionEnds } from './session-ends';
import { Sessions } from './sessions';
import { Wakings } from './wakings';

/** Shorter than the shortest UDP mapping of common NATs, 30 s (RFC 4787 section 4.3 asks for 120 s). */
const KEEP_ALIVE_MS = 25_000;
/** A registration outlives two lost keep alives and their retransmissions. */
const LIFETIME_LIMIT_MS = 90_000;
/** The same of a node that the NS can wake. */
const RESTING_LIFETIME_LIMIT_MS = 3.5 * RESTING_KEEP_ALIVE_MS;
/** Of a node that has found out more of itself than these. */
const NEIGHBOURS_HOST_ENDPOINTS = 6;

export interface CoordinatorOptions extends PoolOptions {
  readonly identity: KeyPair;
  readonly assignments: AssignmentStore;
  readonly sessions: SessionStore;
  readonly nodeKeys: NodeKeyStore;
  readonly accountServer: TrustedServer & { readonly endpoint: Endpoint };
  /** Servers that may report themselves: NS, RS, CS. */
  readonly servers: readonly TrustedServer[];
  /** For the DCs of other zones. */
  readonly nameServers: NameServers;
  /** Where nodes come to; default: where the AS knows this DC to be. */
  readonly endpoints?: readonly Endpoint[];
}

export class CoordinatorServer implements ServerMachine {
  readonly signalling: Signalling<Endpoint>;
  readonly pool: AddressPool;
  readonly reports: ServerReports;
  readonly names: NameCheck;
  readonly relays: Relays;
  readonly registrations: Registrations;
  readonly sessions: Sessions;
  readonly permissions: Permissions;
  /** Where nodes come over TLS. */
  streamEndpoints: readonly Endpoint[] = [];
  private readonly notifications: NotificationService;
  private readonly residents: Residents;
  private readonly neighbours: Neighbours;
  private readonly introducer: Introducer;
  private readonly instance: Uint8Array;
  private readonly cache: CacheService;
  private readonly ended: EndedSessions;
  private readonly ends: SessionEnds;

  constructor(
    private readonly options: CoordinatorOptions,
    private readonly ports: ServerPorts,
  ) {
    const { identity, zone, accountServer } = options;
    const part = `dc ${zone}`;
    this.signalling = new Signalling({ party: 'dc', part, identity, ...ports });
    this.pool = new AddressPool(options, options.assignments);
    this.reports = new ServerReports(ports.clock);
    const wakings = new Wakings(ports.timers);
    this.registrations = new Registrations(ports.clock, part, ports.trace, {
      over: (session, why) => {
        this.signalling.removePeer(session.peer);
        if (why === 'forgotten') this.sessions.ended(session);
      },
      began: ({ fqdn }) => wakings.ended(fqdn),
      changed: (session) => this.sessions.changed(session),
    });
    const { signalling, registrations } = this;
    this.sessions = new Sessions({
      ...{ store: options.sessions, zone, signalling, registrations, ...ports },
      onReplaced: (former, at) => this.ends.replaced(former, at),
    });
    this.notifications = new NotificationService(this.signalling, this.reports, ports);
    const accountPeer = this.trust(accountServer);
    for (const server of options.servers) this.trust(server);
    this.names = new NameCheck(zone, this.pool, this.signalling, { peer: accountPeer, to: accountServer.endpoint });
    const { notifications, names } = this;
    const introductions = new Introductions(ports.clock, ports.random);
    const account = { peer: accountPeer, to: accountServer.endpoint };
    this.neighbours = new Neighbours({
      ...{ zone, fqdn: `dc.${zone}`, identity, pool: this.pool, signalling, accountServer: account },
      ...{ ...ports, nameServers: options.nameServers, part },
    });
    const { clock, timers, random } = ports;
    const acquaintances = new Acquaintances(clock);
    this.permissions = new Permissions({ zone, signalling, registrations, clock, acquaintances });
    this.residents = new Residents({
      ...{ zone, registrations, notifications, signalling, names, introductions, clock, timers, wakings },
      permissions: this.permissions,
    });
    this.ended = new EndedSessions(clock, signalling);
    const { residents, neighbours, permissions, ended } = this;
    const relays = new Relays(signalling, this.reports, zone, ports);
    this.relays = relays;
    this.ends = new SessionEnds({
      ...{ zone, sessions: this.sessions, relays },
      ...{ registrations, ended, acquaintances, notifications, signalling, clock, timers, accountServer: account },
    });
    this.introducer = new Introducer({ residents, neighbours, introductions, relays, permissions, random });
    this.instance = random.bytes(8);
    this.cache = new CacheService({
      ...{
        zone,
        identity,
        signalling,
        reports: this.reports,
        names,
        neighbours,
        permissions,
        nodeKeys: options.nodeKeys,
      },
      ...{
        servers: options.servers.filter(({ party }) => party === 'cs').map((server) => server.name),
        timers,
        random,
      },
    });
    this.handleMessages();
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.signalling.receive(datagram, from);
  }

  /** What this DC knew before it was restarted. Before anything is received. */
  restore(): Promise<void> {
    return this.sessions.restore();
  }

  /** Resolves once all is on disk. */
  async close(): Promise<void> {
    await this.sessions.close();
    this.signalling.close();
  }

  private handleMessages(): void {
    const { signalling } = this;
    signalling.handle('keyDistribution', (body, context) =>
      context.peer.party === 'as' ? this.install(body) : this.neighbours.accept(body, context),
    );
    signalling.handle('ntmInformationRequest', async ({ target, from }, { peer }): Promise<Message> => {
      this.neighbours.checkOrigin(peer, from.fqdn);
      const asker = { ...from, fqdn: canonicalName(from.fqdn), zone: this.neighbours.zoneOf(peer) };
      return { name: 'ntmInformationResponse', body: toNeighbour(await this.residents.information(target, asker)) };
    });
    signalling.handle('routeDirection', (body, context) => this.directForNeighbour(body, context));
    signalling.handle('registrationRequest', (body, context) => this.register(body, context));
    signalling.handle('keepAlive', (_, context) => this.keepAlive(context));
    signalling.handle('directionRequest', ({ target }, context) => this.direct(target, context));
    signalling.handle('revocation', (body, context) => this.ends.revoke(body, context));
    signalling.handle('tunnelCheck', (body, context) => this.ends.check(body, this.registeredSender(context)));
    signalling.handle('routeDirectionAck', (_, context) => void this.registeredSender(context));
    signalling.handle('notificationAck', ({ notificationId }, context) => {
      this.registrations.revive(this.sessionOf(context.peer), context.from);
      this.registeredSender(context);
      this.notifications.acknowledged(context.peer, notificationId);
    });
    signalling.handle('cacheRequest', (body, context) => this.findCache(body, context));
    signalling.handle('serverReport', (body, context): Message => {
      if (!this.reports.take(body, context)) throw new Refused('malformed');
      return { name: 'serverReportAck', body: { instance: this.instance } };
    });
    signalling.handle('notificationFailure', ({ fqdn }, { peer }) => {
      if (peer.party === 'ns') this.residents.cannotBeWoken(fqdn, peer.name);
    });
  }

  /** Figure 4 steps 6 and 7. The node's key is remembered, for when it is away; a disk that fails makes no login fail. */
  private async install(body: Body<'keyDistribution'>): Promise<Message> {
    const installed = this.sessions.install(body);
    const { trace } = this.ports;
    const { endpoints } = this.options;
    const learned = this.cache.learn(canonicalName(body.fqdn), body.publicKey).catch((error: unknown) => {
      trace({ part: `dc ${this.options.zone}`, event: 'disk failed', error: String(error) });
    });
    await Promise.all([installed, learned]);
    const streams = this.streamEndpoints.length > 0 ? { streams: [...this.streamEndpoints] } : {};
    return { name: 'keyDistributionAck', body: { ...(endpoints && { endpoints: [...endpoints] }), ...streams } };
  }

  /** Figure 4 steps 9 to 12. */
  private async register(
    body: Body<'registrationRequest'>,
    { peer, from, handover }: Context<Endpoint>,
  ): Promise<Message | undefined> {
    if (body.lifetimeMs === 0) return this.deregister(peer);
    const addresses = await this.pool.assign(this.sessionOf(peer).fqdn);
    if (!addresses) throw new Refused('unavailable');
    const session = this.sessionOf(peer); // again: it may have been replaced meanwhile
    const registration = this.registration(body, addresses, from);
    this.registrations.begin(session, registration);
    this.permissions.heard(session.fqdn);
    const notification = await this.notifications.serve(session, handover);
    registration.notified = notification !== null;
    if (notification) registration.lifetimeMs = Math.min(body.lifetimeMs, RESTING_LIFETIME_LIMIT_MS);
    this.sessions.changed(session);
    return {
      name: 'registrationResponse',
      body: { addresses, observed: from, keepAliveMs: KEEP_ALIVE_MS, notification, ...this.relaysFor(session) },
    };
  }

  private relaysFor({ fqdn }: Session): Pick<Body<'registrationResponse'>, 'relays'> {
    const relays = this.relays.namedTo(fqdn);
    return relays.length > 0 ? { relays } : {};
  }

  /** Its process ends, so nobody waits for an answer. */
  private deregister(peer: Peer): undefined {
    this.registrations.end(this.sessionOf(peer), 'deregistered');
  }

  private registration(
    { endpoints, lifetimeMs, route, reach }: Body<'registrationRequest'>,
    addresses: Registration['addresses'],
    observed: Endpoint,
  ): Registration {
    return {
      addresses,
      host: endpoints,
      route,
      ...(reach && { reach }),
      lifetimeMs: Math.min(lifetimeMs, LIFETIME_LIMIT_MS),
      observed,
      heardMs: this.ports.clock.now(),
      notified: false,
    };
  }

  /** Figure 5 steps 8 to 14: another DC directs a node of this zone. */
  private async directForNeighbour(
    { target, ...direction }: Body<'routeDirection'>,
    { peer, handover }: Context<Endpoint>,
  ): Promise<Message> {
    const { fqdn, addresses } = direction.correspondent;
    this.neighbours.checkOrigin(peer, fqdn, addresses);
    if (target === undefined) throw new Refused('malformed');
    const mnZone = this.neighbours.zoneOf(peer);
    const observed = await this.residents.direct(canonicalName(target), direction, { mnZone, handover });
    return { name: 'routeDirectionAck', body: { directionId: direction.directionId, observed } };
  }

  /** Figure 5 steps 2 to 15. */
  private async direct(target: string, context: Context<Endpoint>): Promise<Message> {
    const mn = this.registeredSender(context);
    const direction = await this.introducer.direct(mn, target, context.handover);
    // Meanwhile one of the two may have been revoked.
    const cn = direction.body.correspondent;
    if (this.neighbours.isOwn(cn.fqdn) && !this.registrations.holds(cn.fqdn, cn.publicKey)) {
      throw new Refused(this.registrations.session(cn.fqdn) ? 'node-busy' : 'node-absent');
    }
    if (this.registrations.sessionOf(context.peer) !== mn.session) {
      this.ends.endTunnels(mn.session.fqdn, false);
      this.sessionOf(context.peer);
    }
    return direction;
  }

  /** Where a node stores for another, or takes what is its own; or the same for another DC's node. */
  private async findCache({ target, from }: Body<'cacheRequest'>, context: Context<Endpoint>): Promise<Message> {
    if (context.peer.party === 'dc') {
      if (!from || target === undefined) throw new Refused('malformed');
      this.neighbours.checkOrigin(context.peer, from.fqdn, from.addresses);
      const body = await this.cache.forSender(from, this.neighbours.zoneOf(context.peer), target);
      return { name: 'cacheResponse', body };
    }
    if (from) throw new Refused('malformed');
    const sender = this.registeredSender(context);
    const body = await (target === undefined ? this.cache.own(sender) : this.cache.forNode(sender, target));
    return { name: 'cacheResponse', body };
  }

  /** Figure 4 step 13. */
  private keepAlive(context: Context<Endpoint>): Message {
    const { session } = this.registeredSender(context);
    context.afterAnswer(() => this.permissions.heard(session.fqdn));
    return { name: 'keepAliveAck', body: { observed: context.from } };
  }

  /** Refuses those who have to register first. The source of an authentic message is where the node is now. */
  private registeredSender({ peer, from }: Context<Endpoint>): Registered {
    const sender = this.registrations.registered(this.sessionOf(peer).fqdn);
    if (!sender || isDoubtful(sender, from)) throw new Refused('not-registered');
    this.registrations.heard(sender, from);
    return sender;
  }

  private sessionOf(peer: Peer): Session {
    const session = this.registrations.sessionOf(peer);
    if (!session) throw new Refused(this.ended.refusalOf(peer) ?? 'not-registered');
    return session;
  }

  private trust({ publicKey, party, name }: TrustedServer): Peer {
    return this.signalling.addPeer({ key: agreedKey(this.options.identity, publicKey), party, name });
  }
}

/** Its DC has relays of its own, and a datagram not room for everything. */
function toNeighbour({ reach, host, ...rest }: Body<'ntmInformationResponse'>): Body<'ntmInformationResponse'> {
  if (!reach) return { ...rest, host };
  const { relays: _, ...own } = reach;
  return { ...rest, host: host.slice(0, NEIGHBOURS_HOST_ENDPOINTS), reach: own };
}

/** Perhaps a replay: see sessions.ts. */
function isDoubtful({ registration }: Registered, from: Endpoint): boolean {
  return registration.isRestored === true && !sameEndpoint(registration.observed, from);
}
