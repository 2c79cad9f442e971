/**
 * DC, the direction coordinator (paper 2.2): locations, virtual addresses and introductions of the nodes of its zone.
 * This file takes messages apart and puts them together; Figure 4 steps 6 to 13 are here,
 * introducer.ts does Figure 5 steps 2 to 16. Its DNS is in dns-server.ts.
 */
import type { Endpoint } from '../../core/wire/addresses';
import { KEY_LENGTH } from '../../core/wire/key-length';
import { agreedKey, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { Signalling, type Context } from '../../core/wire/signalling';
import { canonicalName } from '../../core/wire/names';
import { labelsBelow } from '../names';
import type { NameServers, ServerMachine, ServerPorts, TrustedServer } from '../server-ports';
import type { AssignmentStore } from '../store/store';
import { Acquaintances } from './acquaintances';
import { AddressPool, type PoolOptions } from './address-pool';
import { EndedSessions } from './ended-sessions';
import { Introducer } from './introducer';
import { Introductions } from './introductions';
import { NameCheck } from './name-check';
import { Neighbours } from './neighbours';
import { NotificationService } from './notification-service';
import { Registrations, type Registered, type Registration, type Session } from './registrations';
import { Relays } from './relays';
import { Residents } from './residents';
import { ServerReports } from './server-reports';
import { SessionEnds } from './session-ends';

/** Shorter than the shortest UDP mapping of common NATs, 30 s (RFC 4787 section 4.3 asks for 120 s). */
const KEEP_ALIVE_MS = 25_000;
/** A registration outlives two lost keep alives and their retransmissions. */
const LIFETIME_LIMIT_MS = 90_000;

export interface CoordinatorOptions extends PoolOptions {
  readonly identity: KeyPair;
  readonly assignments: AssignmentStore;
  readonly accountServer: TrustedServer & { readonly endpoint: Endpoint };
  /** Servers that may report themselves: NS, RS, CS. */
  readonly servers: readonly TrustedServer[];
  /** For the DCs of other zones. */
  readonly nameServers: NameServers;
}

export class CoordinatorServer implements ServerMachine {
  readonly signalling: Signalling<Endpoint>;
  readonly pool: AddressPool;
  readonly reports: ServerReports;
  readonly names: NameCheck;
  readonly registrations: Registrations;
  private readonly notifications: NotificationService;
  private readonly residents: Residents;
  private readonly neighbours: Neighbours;
  private readonly introducer: Introducer;
  private readonly acquaintances: Acquaintances;
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
    this.registrations = new Registrations(ports.clock, part, ports.trace, ({ peer }) =>
      this.signalling.removePeer(peer),
    );
    this.notifications = new NotificationService(this.signalling, this.reports, ports);
    const accountPeer = this.trust(accountServer);
    for (const server of options.servers) this.trust(server);
    this.names = new NameCheck(zone, this.pool, this.signalling, { peer: accountPeer, to: accountServer.endpoint });
    const { registrations, notifications, signalling, names } = this;
    const introductions = new Introductions(ports.clock, ports.random);
    const account = { peer: accountPeer, to: accountServer.endpoint };
    this.neighbours = new Neighbours({
      ...{ zone, fqdn: `dc.${zone}`, identity, pool: this.pool, signalling, accountServer: account },
      ...{ ...ports, nameServers: options.nameServers, part },
    });
    const { timers, random, clock } = ports;
    this.acquaintances = new Acquaintances(clock);
    this.ended = new EndedSessions(clock, signalling);
    const { acquaintances, ended } = this;
    this.ends = new SessionEnds({
      ...{ registrations, ended, acquaintances, notifications, signalling, clock },
      accountServer: account,
    });
    this.residents = new Residents({ registrations, notifications, signalling, names, introductions, timers });
    const { residents, neighbours } = this;
    const relays = new Relays(signalling, this.reports, zone, ports);
    this.introducer = new Introducer({ residents, neighbours, introductions, relays, random });
    this.handleMessages();
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.signalling.receive(datagram, from);
  }

  close(): void {
    this.signalling.close();
  }

  private handleMessages(): void {
    const { signalling } = this;
    signalling.handle('keyDistribution', (body, context) =>
      context.peer.party === 'as' ? this.installKey(body) : this.neighbours.accept(body, context),
    );
    signalling.handle('ntmInformationRequest', async ({ target, from }, { peer }): Promise<Message> => {
      if (peer.party !== 'dc') throw new Refused('malformed');
      return { name: 'ntmInformationResponse', body: await this.residents.information(target, from) };
    });
    signalling.handle('routeDirection', (body, context) => this.directForNeighbour(body, context));
    signalling.handle('registrationRequest', (body, context) => this.register(body, context));
    signalling.handle('keepAlive', (_, context) => this.keepAlive(context));
    signalling.handle('directionRequest', ({ target }, context) => this.direct(target, context));
    signalling.handle('revocation', (body, context) => this.ends.revoke(body, context));
    signalling.handle('tunnelCheck', (body, context) => this.ends.check(body, this.registeredSender(context)));
    signalling.handle('routeDirectionAck', (_, context) => void this.registeredSender(context));
    signalling.handle('notificationAck', ({ notificationId }, context) => {
      this.registeredSender(context);
      this.notifications.acknowledged(context.peer, notificationId);
    });
    signalling.handle('serverReport', (body, context): Message => {
      if (!this.reports.take(body, context)) throw new Refused('malformed');
      return { name: 'serverReportAck', body: {} };
    });
  }

  /** Figure 4 steps 6 and 7. */
  private installKey({ fqdn, publicKey, key, instance, yielding }: Body<'keyDistribution'>): Message {
    const name = canonicalName(fqdn);
    if (!labelsBelow(this.options.zone, name)) throw new Refused('malformed');
    const shared = sharedKey(key, 1);
    const holder = this.signalling.holderOf(shared.id);
    // One node has a key, not two: the end of one session would end the other.
    if (holder && (holder.party !== 'node' || holder.name !== name)) throw new Refused('malformed');
    const former = this.registrations.session(name);
    const at = this.registrations.registered(name)?.registration.observed;
    if (yielding && at) throw new Refused('replaced');
    this.registrations.replace(name, () => {
      const node = this.signalling.addPeer({ key: shared, party: 'node', name });
      const notificationKey = this.ports.random.bytes(KEY_LENGTH);
      return { fqdn: name, peer: node, publicKey, instance, notificationKey, registration: undefined };
    });
    if (former && !isSameProgram(former, instance)) this.ends.replaced(former, at);
    return { name: 'keyDistributionAck', body: {} };
  }

  /** Figure 4 steps 9 to 12. */
  private async register(
    body: Body<'registrationRequest'>,
    { peer, from }: Context<Endpoint>,
  ): Promise<Message | undefined> {
    if (body.lifetimeMs === 0) return this.deregister(peer);
    const addresses = await this.pool.assign(this.sessionOf(peer).fqdn);
    if (!addresses) throw new Refused('unavailable');
    const session = this.sessionOf(peer); // again: it may have been replaced meanwhile
    this.registrations.begin(session, this.registration(body, addresses, from));
    const notification = await this.notifications.serve(session);
    if (session.registration) session.registration.notified = notification !== null;
    return {
      name: 'registrationResponse',
      body: { addresses, observed: from, keepAliveMs: KEEP_ALIVE_MS, notification },
    };
  }

  /** Its process ends, so nobody waits for an answer. */
  private deregister(peer: Peer): undefined {
    this.registrations.end(this.sessionOf(peer), 'deregistered');
  }

  private registration(
    { endpoints, lifetimeMs, route }: Body<'registrationRequest'>,
    addresses: Registration['addresses'],
    observed: Endpoint,
  ): Registration {
    return {
      addresses,
      host: endpoints,
      route,
      lifetimeMs: Math.min(lifetimeMs, LIFETIME_LIMIT_MS),
      observed,
      heardMs: this.ports.clock.now(),
      notified: false,
    };
  }

  /** Figure 5 steps 8 to 14: another DC directs a node of this zone. */
  private async directForNeighbour(
    { target, ...direction }: Body<'routeDirection'>,
    { peer }: Context<Endpoint>,
  ): Promise<Message> {
    if (peer.party !== 'dc' || target === undefined) throw new Refused('malformed');
    this.acquaintances.met(canonicalName(target), canonicalName(direction.correspondent.fqdn));
    const observed = await this.residents.direct(canonicalName(target), direction);
    return { name: 'routeDirectionAck', body: { directionId: direction.directionId, observed } };
  }

  /** Figure 5 steps 2 to 15. */
  private async direct(target: string, context: Context<Endpoint>): Promise<Message> {
    const mn = this.registeredSender(context);
    const direction = await this.introducer.direct(mn, target);
    const { fqdn } = mn.session;
    const { publicKey, ...cn } = direction.body.correspondent;
    const isOwn = this.neighbours.isOwn(cn.fqdn);
    if (isOwn) this.acquaintances.met(cn.fqdn, fqdn);
    this.acquaintances.met(fqdn, cn.fqdn);
    // Meanwhile one of the two may have been revoked.
    if (isOwn && !this.registrations.holds(cn.fqdn, publicKey)) throw new Refused('node-absent');
    if (this.registrations.sessionOf(context.peer) === mn.session) return direction;
    this.ends.endTunnels(fqdn, false);
    throw new Refused(this.ended.refusalOf(context.peer) ?? 'not-registered');
  }

  /** Figure 4 step 13. */
  private keepAlive(context: Context<Endpoint>): Message {
    this.registeredSender(context);
    return { name: 'keepAliveAck', body: { observed: context.from } };
  }

  /** Refuses those who have to register first. The source of an authentic message is where the node is now. */
  private registeredSender({ peer, from }: Context<Endpoint>): Registered {
    const sender = this.registrations.registered(this.sessionOf(peer).fqdn);
    if (!sender) throw new Refused('not-registered');
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

/** The same one again, whose answer was lost, is not told that another has its name. */
function isSameProgram({ instance: former }: Session, instance: Uint8Array | undefined): boolean {
  return former !== undefined && instance !== undefined && Buffer.compare(former, instance) === 0;
}
