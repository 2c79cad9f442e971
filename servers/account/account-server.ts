/**
 * AS, the account server (paper 2.1): who may join, and as what. Figure 4 steps 2 to 8:
 *
 *   node                          AS                               DC
 *    | 2 configuration request -> |                                |   boxed to the AS's pinned key
 *    | <- 3 configuration resp.   |                                |   under the key that the box made, as all below
 *    | 5 login request ---------> | 6 key distribution ----------> |
 *    |                            | <---- 7 key distribution ack   |
 *    | <- 8 login response        |                                |
 *
 * A machine with a join key sends a Join Request at 2. The challenge ties 5 to 3: it is good once and for CHALLENGE_MS. A session ends CHALLENGE_MS after its last step,
 * so that a repeated request finds its answer until then.
 */
import { isIP, isIPv6 } from 'node:net';
import type { Timer } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { KEY_LENGTH } from '../../core/wire/key-length';
import { agreedKey, hex, type KeyPair } from '../../core/wire/keys';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { Signalling, type Context } from '../../core/wire/signalling';
import { canonicalName } from '../../core/wire/names';
import { BoundedMap } from '../bounded-map';
import { within } from '../../core/wire/within';
import { isLabel, labelsBelow } from '../names';
import { isInBlock } from './address-blocks';
import type { ServerMachine, ServerPorts } from '../server-ports';
import type { Revocation } from '../store/account-store';
import type { Coordinator, Store } from '../store/store';
import { Authentication, type Authenticated, type RefusalReason } from './authentication';
import { Revocations } from './revocations';

const CHALLENGE_MS = 60_000;
/** Less than the node waits for its answer, so that it hears `unavailable` rather than nothing. */
const DISTRIBUTION_MS = 2_500;
const CHALLENGE_LENGTH = 16;
const SESSIONS_LIMIT = 4096;
/** As the Configuration Response has room for. */
const DOMAINS_LIMIT = 8;

export interface AccountServerOptions {
  readonly identity: KeyPair;
  /** Where accounts have their names that were given no zone of their own. */
  readonly zone: string;
  /** CIDR blocks of virtual addresses in this network. */
  readonly networks: readonly string[];
  readonly store: Pick<Store, 'accounts' | 'nodes' | 'joinKeys' | 'revocations' | 'coordinators'>;
  /** Zones whose DCs are where the settings say, whatever they report. */
  readonly pinned?: ReadonlySet<string>;
  /** See account/password.ts. */
  verifyPassword(password: string, passwordHash: string): Promise<boolean>;
  /** Verified for accounts that do not exist, so that these cost the same time. */
  readonly decoyPasswordHash: string;
}

interface Session {
  readonly peer: Peer;
  readonly who: Authenticated;
  /** `undefined` once it was used. */
  challenge: Uint8Array | undefined;
  end?: Timer;
}

export class AccountServer implements ServerMachine {
  readonly signalling: Signalling<Endpoint>;
  /** Logins refused, by reason. */
  readonly refusals = new Map<RefusalReason, number>();
  /** DCs by their FQDNs, each with its newest key. */
  private readonly coordinators = new Map<string, Peer>();
  private readonly authentication: Authentication;
  private readonly revocations: Revocations;
  private readonly sessions: BoundedMap<string, Session>;
  private closed = false;

  constructor(
    private readonly options: AccountServerOptions,
    private readonly ports: ServerPorts,
  ) {
    const { clock, timers, trace } = ports;
    this.signalling = new Signalling({ party: 'as', part: 'as', identity: options.identity, ...ports });
    const count = (why: RefusalReason): void => void this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1);
    this.authentication = new Authentication({ ...options, clock, count });
    this.revocations = new Revocations({
      ...{ store: options.store.revocations, clock, timers },
      deliver: (revocation) => this.deliver(revocation),
      onFault: (error) => trace({ part: 'as', event: 'store failed', error: String(error) }),
    });
    this.sessions = new BoundedMap(clock, SESSIONS_LIMIT, CHALLENGE_MS, ({ peer, end }) => {
      end?.cancel();
      this.signalling.removePeer(peer);
    });
    this.handleMessages();
  }

  /** Makes the DCs of the store known, so that they can ask; from now on they hear of sessions that end. */
  async start(): Promise<void> {
    for (const coordinator of await this.options.store.coordinators.list()) this.coordinatorPeer(coordinator);
    this.revocations.start();
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.signalling.receive(datagram, from);
  }

  close(): void {
    this.closed = true;
    this.revocations.close();
    this.sessions.clear();
    this.signalling.close();
  }

  private handleMessages(): void {
    const { signalling, authentication } = this;
    signalling.handle('configurationRequest', async (body, context) =>
      this.configure(await authentication.byPassword(body, context.from.address), context),
    );
    signalling.handle('joinRequest', async (body, context) =>
      this.configure(await authentication.byJoinKey(body, context.from.address), context),
    );
    signalling.handle('loginRequest', (body, context) => this.login(body, context));
    signalling.handle('nameRequest', (body, context) => this.answerName(body, context));
    signalling.handle('coordinatorRequest', (body, context) => this.answerCoordinator(body, context));
    signalling.handle('coordinatorReport', (body, context) => this.takeReport(body, context));
    signalling.handle('tunnelCheck', (body, context) => this.checkTunnels(body, context));
  }

  /** Steps 2 and 3. */
  private async configure(who: Authenticated, { peer }: Context<Endpoint>): Promise<Message> {
    const { fqdn, zone } = who;
    const challenge = this.ports.random.bytes(CHALLENGE_LENGTH);
    this.keepSession({ peer: this.signalling.addPeer({ ...peer, name: fqdn }), who, challenge });
    const networks = [...this.options.networks];
    const zones = (await this.options.store.coordinators.list()).map((coordinator) => coordinator.zone);
    const domains = [...new Set([zone, ...zones])].slice(0, DOMAINS_LIMIT);
    return { name: 'configurationResponse', body: { fqdn, domains, networks, challenge } };
  }

  /** Steps 5 to 8. */
  private async login(
    { challenge, ...node }: Body<'loginRequest'>,
    { peer }: Context<Endpoint>,
  ): Promise<Message | undefined> {
    const session = this.sessions.get(hex(peer.key.id));
    if (!session?.challenge || Buffer.compare(session.challenge, challenge) !== 0) throw new Refused('login-refused');
    session.challenge = undefined;
    this.keepSession(session);
    const { who } = session;
    const coordinator = await this.options.store.coordinators.find(who.zone);
    if (!coordinator?.endpoint) throw new Refused('unavailable');
    const { fqdn, endpoint } = coordinator;
    await this.authentication.bind(who, node.publicKey);
    await this.revocations.settle(who.zone, who.fqdn);
    if (!(await this.authentication.stillHolds(who))) throw new Refused('login-refused');
    const key = this.ports.random.bytes(KEY_LENGTH);
    const found = await this.distribute({ ...coordinator, endpoint }, { ...node, fqdn: who.fqdn, key });
    await this.keepLogin(who, node.publicKey);
    return { name: 'loginResponse', body: { coordinator: fqdn, ...found, key } };
  }

  /** Steps 6 and 7. Where the node finds the DC: what is known here first, then what the DC says of itself. */
  private async distribute(
    coordinator: Coordinator & { endpoint: Endpoint },
    body: Body<'keyDistribution'>,
  ): Promise<Pick<Body<'loginResponse'>, 'endpoints' | 'streams'>> {
    const peer = this.coordinatorPeer(coordinator);
    const request = this.signalling.request(peer, coordinator.endpoint, { name: 'keyDistribution', body });
    const answer = await within(this.ports.timers, DISTRIBUTION_MS, request);
    if (answer?.name !== 'keyDistributionAck') throw new Refused('unavailable');
    const { endpoint } = coordinator;
    const { endpoints = [], streams } = answer.body;
    const others = endpoints.filter((other) => isIPv6(other.address) !== isIPv6(endpoint.address));
    return { endpoints: [endpoint, ...others.slice(0, 1)], ...(streams && { streams }) };
  }

  /** The node is told its key only then: there is no session that the store does not know. */
  private async keepLogin(who: Authenticated, publicKey: Uint8Array): Promise<void> {
    const { nodes, revocations } = this.options.store;
    const { account, fqdn, joinKey, source } = who;
    await nodes.loggedIn({ fqdn, account, publicKey, joinKey, source, loginMs: this.ports.clock.wallTimeMs() });
    if (await this.authentication.stillHolds(who)) return;
    // Ended meanwhile, and the DC may have heard of that before it had the key.
    await revocations.add({ fqdn, below: false, reason: joinKey === null ? 'password' : 'join-key' });
    this.revocations.start();
    throw new Refused('login-refused');
  }

  private async deliver({ zone, fqdn, below, reason }: Revocation): Promise<boolean> {
    const coordinator = await this.options.store.coordinators.find(zone);
    if (!coordinator?.endpoint || this.closed) return false;
    const message: Message = { name: 'revocation', body: { fqdn, below, reason } };
    try {
      const peer = this.coordinatorPeer(coordinator);
      const answer = await this.signalling.request(peer, coordinator.endpoint, message);
      return answer.name === 'revocationAck';
    } catch {
      return false; // silence, or a DC that cannot now: it is told again
    }
  }

  /** A DC has forgotten, or never knew, these nodes. */
  private async checkTunnels({ correspondents }: Body<'tunnelCheck'>, { peer }: Context<Endpoint>): Promise<Message> {
    if (peer.party !== 'dc') throw new Refused('malformed');
    const ended: string[] = [];
    for (const { fqdn, publicKey } of correspondents) {
      if (!(await this.belongs(canonicalName(fqdn), publicKey))) ended.push(fqdn);
    }
    return { name: 'tunnelCheckAck', body: { ended } };
  }

  private async belongs(fqdn: string, publicKey: Uint8Array): Promise<boolean> {
    const { accounts, nodes } = this.options.store;
    const node = await nodes.find(fqdn);
    if (!node || node.ended || Buffer.compare(node.publicKey, publicKey) !== 0) return false;
    const account = await accounts.find(node.account);
    return account !== undefined && !account.disabled;
  }

  /** An account's own name exists with the account; a name below it, once a node has logged in with it. */
  private async answerName({ fqdn }: Body<'nameRequest'>, { peer }: Context<Endpoint>): Promise<Message> {
    if (peer.party !== 'dc') throw new Refused('malformed');
    const [name = '', ...rest] = canonicalName(fqdn).split('.');
    const account = isLabel(name) ? await this.options.store.accounts.find(name) : undefined;
    const owned = account !== undefined && (account.zone ?? this.options.zone) === rest.join('.');
    return { name: 'nameResponse', body: { owned } };
  }

  /** For a DC that looks for another one. */
  private async answerCoordinator(
    { target }: Body<'coordinatorRequest'>,
    { peer }: Context<Endpoint>,
  ): Promise<Message> {
    if (peer.party !== 'dc') throw new Refused('malformed');
    const name = canonicalName(target);
    const coordinators = await this.options.store.coordinators.list();
    const found = coordinators.find((coordinator) => isOf(coordinator, name));
    if (!found?.endpoint) throw new Refused(found ? 'unavailable' : 'no-such-name');
    const { fqdn, zone, publicKey, endpoint } = found;
    return { name: 'coordinatorResponse', body: { fqdn, zone, publicKey, endpoint } };
  }

  /** A DC starts: where it is, and which addresses it may give. */
  private async takeReport(
    { endpoint }: Body<'coordinatorReport'>,
    { peer, afterAnswer }: Context<Endpoint>,
  ): Promise<Message> {
    const { coordinators } = this.options.store;
    const reporting = (await coordinators.list()).find(({ fqdn }) => fqdn === peer.name);
    if (peer.party !== 'dc' || !reporting) throw new Refused('malformed');
    if (!this.options.pinned?.has(reporting.zone)) await coordinators.put({ ...reporting, endpoint });
    afterAnswer(() => this.revocations.heard(reporting.zone));
    const { ipv4Block, ipv6Prefix } = reporting;
    return { name: 'coordinatorReportAck', body: { ipv4Block, ipv6Prefix } };
  }

  /** With the key that it has now; one that it had before is no key any more. */
  private coordinatorPeer({ publicKey, fqdn }: Coordinator): Peer {
    const key = agreedKey(this.options.identity, publicKey);
    const known = this.coordinators.get(fqdn);
    if (known && Buffer.compare(known.key.id, key.id) !== 0) this.signalling.removePeer(known);
    const peer = this.signalling.addPeer({ key, party: 'dc', name: fqdn });
    this.coordinators.set(fqdn, peer);
    return peer;
  }

  private keepSession(session: Session): void {
    if (this.closed) return; // meanwhile, while a password was verified
    const id = hex(session.peer.key.id);
    this.sessions.get(id)?.end?.cancel();
    this.sessions.set(id, session);
    session.end = this.ports.timers.schedule(CHALLENGE_MS + 1, () => this.sessions.get(id));
  }
}

/** Whether a name or a virtual address is in this DC's zone. */
function isOf({ zone, ipv4Block, ipv6Prefix }: Coordinator, target: string): boolean {
  if (isIP(target)) return isInBlock(target, ipv4Block) || isInBlock(target, ipv6Prefix);
  return labelsBelow(zone, target) !== undefined;
}
