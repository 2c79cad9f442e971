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
 * The challenge ties 5 to 3: it is good once and for CHALLENGE_MS. A session ends CHALLENGE_MS after its last step,
 * so that a repeated request finds its answer until then.
 */
import { isIP } from 'node:net';
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
import { isLabel, labelsBelow, nodeFqdn } from '../names';
import { isInBlock } from './address-blocks';
import type { ServerMachine, ServerPorts } from '../server-ports';
import type { AccountStore, Coordinator, CoordinatorStore } from '../store/store';
import { LoginAttempts } from './login-attempts';

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
  readonly store: { readonly accounts: AccountStore; readonly coordinators: CoordinatorStore };
  /** See account/password.ts. */
  verifyPassword(password: string, passwordHash: string): Promise<boolean>;
  /** Verified for accounts that do not exist, so that these cost the same time. */
  readonly decoyPasswordHash: string;
}

interface Session {
  readonly peer: Peer;
  readonly fqdn: string;
  /** Its DC's. */
  readonly zone: string;
  /** `undefined` once it was used. */
  challenge: Uint8Array | undefined;
  end?: Timer;
}

export class AccountServer implements ServerMachine {
  readonly signalling: Signalling<Endpoint>;
  private readonly attempts: LoginAttempts;
  private readonly sessions: BoundedMap<string, Session>;
  private closed = false;

  constructor(
    private readonly options: AccountServerOptions,
    private readonly ports: ServerPorts,
  ) {
    this.signalling = new Signalling({ party: 'as', part: 'as', identity: options.identity, ...ports });
    this.attempts = new LoginAttempts(ports.clock);
    this.sessions = new BoundedMap(ports.clock, SESSIONS_LIMIT, CHALLENGE_MS, ({ peer, end }) => {
      end?.cancel();
      this.signalling.removePeer(peer);
    });
    this.signalling.handle('configurationRequest', (body, context) => this.configure(body, context));
    this.signalling.handle('loginRequest', (body, context) => this.login(body, context));
    this.signalling.handle('nameRequest', (body, context) => this.answerName(body, context));
    this.signalling.handle('coordinatorRequest', (body, context) => this.answerCoordinator(body, context));
    this.signalling.handle('coordinatorReport', (body, context) => this.takeReport(body, context));
  }

  /** Makes the DCs of the store known, so that they can ask. */
  async start(): Promise<void> {
    for (const coordinator of await this.options.store.coordinators.list()) this.coordinatorPeer(coordinator);
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.signalling.receive(datagram, from);
  }

  close(): void {
    this.closed = true;
    this.sessions.clear();
    this.signalling.close();
  }

  /** Steps 2 and 3. */
  private async configure(
    { account, node, password }: Body<'configurationRequest'>,
    { from, peer }: Context<Endpoint>,
  ): Promise<Message> {
    const { fqdn, zone } = await this.authenticate(canonicalName(account), node, password, from.address);
    const challenge = this.ports.random.bytes(CHALLENGE_LENGTH);
    this.keepSession({ peer: this.signalling.addPeer({ ...peer, name: fqdn }), fqdn, zone, challenge });
    const networks = [...this.options.networks];
    const zones = (await this.options.store.coordinators.list()).map((coordinator) => coordinator.zone);
    const domains = [...new Set([zone, ...zones])].slice(0, DOMAINS_LIMIT);
    return { name: 'configurationResponse', body: { fqdn, domains, networks, challenge } };
  }

  /** The node's name. Unknown account, wrong password and disabled are refused alike and take the same time. */
  private async authenticate(
    name: string,
    node: string | null,
    password: string,
    source: string,
  ): Promise<{ fqdn: string; zone: string }> {
    const { store, verifyPassword, decoyPasswordHash } = this.options;
    if (!this.attempts.begin(name, source)) throw new Refused('login-limited');
    const account = await store.accounts.find(name);
    const right = await verifyPassword(password, account?.passwordHash ?? decoyPasswordHash);
    if (!account || !right || account.disabled) throw new Refused('login-refused');
    this.attempts.succeeded(name, source);
    const zone = account.zone ?? this.options.zone;
    const fqdn = nodeFqdn(name, node === null ? null : canonicalName(node), zone);
    if (fqdn === undefined) throw new Refused('malformed');
    return { fqdn, zone };
  }

  /** Steps 5 to 8. */
  private async login(
    { challenge, publicKey }: Body<'loginRequest'>,
    { peer }: Context<Endpoint>,
  ): Promise<Message | undefined> {
    const session = this.sessions.get(hex(peer.key.id));
    if (!session?.challenge || Buffer.compare(session.challenge, challenge) !== 0) throw new Refused('login-refused');
    session.challenge = undefined;
    this.keepSession(session);
    const coordinator = await this.options.store.coordinators.find(session.zone);
    if (!coordinator?.endpoint) throw new Refused('unavailable');
    const { fqdn, endpoint } = coordinator;
    const key = this.ports.random.bytes(KEY_LENGTH);
    await this.distribute({ ...coordinator, endpoint }, { fqdn: session.fqdn, publicKey, key });
    return { name: 'loginResponse', body: { coordinator: fqdn, endpoints: [endpoint], key } };
  }

  /** Steps 6 and 7. */
  private async distribute(coordinator: Coordinator & { endpoint: Endpoint }, body: Body<'keyDistribution'>) {
    const peer = this.coordinatorPeer(coordinator);
    const request = this.signalling.request(peer, coordinator.endpoint, { name: 'keyDistribution', body });
    const answer = await within(this.ports.timers, DISTRIBUTION_MS, request);
    if (answer === undefined) throw new Refused('unavailable');
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
  private async takeReport({ endpoint }: Body<'coordinatorReport'>, { peer }: Context<Endpoint>): Promise<Message> {
    const { coordinators } = this.options.store;
    const reporting = (await coordinators.list()).find(({ fqdn }) => fqdn === peer.name);
    if (peer.party !== 'dc' || !reporting) throw new Refused('malformed');
    await coordinators.put({ ...reporting, endpoint });
    const { ipv4Block, ipv6Prefix } = reporting;
    return { name: 'coordinatorReportAck', body: { ipv4Block, ipv6Prefix } };
  }

  private coordinatorPeer({ publicKey, fqdn }: Coordinator): Peer {
    return this.signalling.addPeer({ key: agreedKey(this.options.identity, publicKey), party: 'dc', name: fqdn });
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
