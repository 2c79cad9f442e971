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
import type { ServerMachine, ServerPorts } from '../server-ports';
import type { AccountStore, Coordinator, CoordinatorStore } from '../store/store';
import { LoginAttempts } from './login-attempts';

const CHALLENGE_MS = 60_000;
/** Less than the node waits for its answer, so that it hears `unavailable` rather than nothing. */
const DISTRIBUTION_MS = 2_500;
const CHALLENGE_LENGTH = 16;
const SESSIONS_LIMIT = 4096;

export interface AccountServerOptions {
  readonly identity: KeyPair;
  /** Where accounts of this AS have their names. */
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
    const fqdn = await this.authenticate(canonicalName(account), node, password, from.address);
    const { random } = this.ports;
    const challenge = random.bytes(CHALLENGE_LENGTH);
    this.keepSession({ peer: this.signalling.addPeer({ ...peer, name: fqdn }), fqdn, challenge });
    const { zone, networks } = this.options;
    return { name: 'configurationResponse', body: { fqdn, domains: [zone], networks: [...networks], challenge } };
  }

  /** The FQDN of the node. Unknown account, wrong password and disabled are refused alike and take the same time. */
  private async authenticate(name: string, node: string | null, password: string, source: string): Promise<string> {
    const { store, zone, verifyPassword, decoyPasswordHash } = this.options;
    if (!this.attempts.begin(name, source)) throw new Refused('login-limited');
    const account = await store.accounts.find(name);
    const right = await verifyPassword(password, account?.passwordHash ?? decoyPasswordHash);
    if (!account || !right || account.disabled) throw new Refused('login-refused');
    this.attempts.succeeded(name, source);
    const fqdn = nodeFqdn(name, node === null ? null : canonicalName(node), zone);
    if (fqdn === undefined) throw new Refused('malformed');
    return fqdn;
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
    const coordinator = await this.options.store.coordinators.find(this.options.zone);
    if (!coordinator) throw new Refused('unavailable');
    const key = this.ports.random.bytes(KEY_LENGTH);
    await this.distribute(coordinator, { fqdn: session.fqdn, publicKey, key });
    const { fqdn, endpoint } = coordinator;
    return { name: 'loginResponse', body: { coordinator: fqdn, endpoints: [endpoint], key } };
  }

  /** Steps 6 and 7. */
  private async distribute(coordinator: Coordinator, body: Body<'keyDistribution'>): Promise<void> {
    const peer = this.coordinatorPeer(coordinator);
    const request = this.signalling.request(peer, coordinator.endpoint, { name: 'keyDistribution', body });
    const answer = await within(this.ports.timers, DISTRIBUTION_MS, request);
    if (answer === undefined) throw new Refused('unavailable');
  }

  /** An account's own name exists with the account; a name below it, once a node has logged in with it. */
  private async answerName({ fqdn }: Body<'nameRequest'>, { peer }: Context<Endpoint>): Promise<Message> {
    if (peer.party !== 'dc') throw new Refused('malformed');
    const [name, ...more] = labelsBelow(this.options.zone, canonicalName(fqdn)) ?? [];
    const owned =
      name !== undefined &&
      more.length === 0 &&
      isLabel(name) &&
      (await this.options.store.accounts.find(name)) !== undefined;
    return { name: 'nameResponse', body: { owned } };
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
