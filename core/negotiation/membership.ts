/**
 * Membership of this node in the network: login, registration, notification, and doing them again when lost.
 *
 *   joining -- registered --> joined -- DC silent, or it does not know us --> joining, `error` says why
 *      ^                                                                         |
 *      '--- timer, a program asks, other addresses, other password --- waiting <-'-- failed
 *
 * Once an attempt has failed, whoever asks waits for a moment only: for the attempt that runs, or for one that begins
 * for it. When and how often is the matter of join-policy.ts.
 *
 * With a session at hand an attempt asks the DC first, which costs little, and then perhaps the AS.
 */
import { NtmError } from '../errors';
import type { Runtime, Timer } from '../runtime';
import type { Trace } from '../trace';
import { within } from '../wire/within';
import type { Endpoint } from '../wire/addresses';
import type { Body } from '../wire/messages';
import type { Peer } from '../wire/peers';
import type { SessionEndReason } from '../wire/refusals';
import type { Signalling } from '../wire/signalling';
import { AccountServerAddress, type AccountServerLocation } from './account-server-address';
import { addressText, chosenEndpoint, mayReach } from '../reach/ip-versions';
import { JoinPolicy } from './join-policy';
import { login, replaced, type LoginResult } from './login';
import { coordinatorAway, lossError, revocationText, sessionLost } from './loss-errors';
import type { PushAddress } from './notification-client';
import { NotificationKeeper } from './notification-keeper';
import { lossBy, Registration, type Loss, type OwnSituation, type Registered } from './registration';

/** Whoever asks waits so long when an attempt has failed before, ... */
const ASK_WAIT_MS = 1_500;
/** ... in which requests are sent again that were last sent so long ago. */
const HURRY_MS = 500;
/** And so long for the first attempt. */
const FIRST_WAIT_MS = 10_000;
/** A DC that has a session of ours answers within so many tries (750 ms), or the AS is asked where it is. */
const REGISTER_TRIES = 2;
/** In 1,750 ms. */
const MOVE_TRIES = 3;
/** While not joined: have the host's addresses changed, or the password? */
const WATCH_MS = 2_000;

export interface MembershipOptions {
  readonly runtime: Runtime;
  readonly trace: Trace;
  readonly part: string;
  readonly signalling: Signalling<Endpoint>;
  readonly accountServer: AccountServerLocation & { readonly publicKey: Uint8Array };
  readonly account: string;
  readonly node: string | null;
  /** As it is now. Or the join key. */
  password(): string;
  readonly byJoinKey: boolean;
  readonly publicKey: Uint8Array;
  readonly route: 'auto' | 'relay' | 'direct';
  hostEndpoints(): Endpoint[];
  /**
   * This one will be sent to. `streams`: where it takes datagrams over TLS, too; perhaps, if it is the AS. `name`: a host
   * name.
   */
  addServer?(server: Endpoint, streams: readonly Endpoint[], name?: string): void;
  readonly situation?: OwnSituation;
  /** The host's address that this server is reached from; undefined: whichever it is. */
  sourceFor?(server: Endpoint): string | undefined;
  /** Whether servers could be reached by another of the host's interfaces, too. */
  hasAnotherWay?(): boolean;
  onConfiguration(configuration: Body<'configurationResponse'>): void;
  onJoined(fqdn: string, registered: Registered): void;
  onFailed(error: Error): void;
  /** The operator has ended this node's session. */
  onRevoked(error: NtmError): void;
  onNotification(notificationId: Uint8Array, handover: boolean): void;
  onPushRefused(why: 'dead' | 'unsupported'): void;
  /** The DC knows where this node is since its host has changed its network. */
  onMoved(): void;
}

interface Joined {
  readonly fqdn: string;
  readonly coordinator: { readonly peer: Peer; readonly endpoint: Endpoint };
}

export class Membership {
  /** Why this node is not joined; undefined while it is, or while a first attempt runs. */
  error: Error | undefined;
  private readonly policy: JoinPolicy;
  private readonly accountServer: AccountServerAddress;
  private session: LoginResult | undefined;
  private joined: Joined | undefined;
  private registration: Registration | undefined;
  private readonly notification: NotificationKeeper;
  private attempt: Promise<void> | undefined;
  private toldCode: string | undefined;
  private retryTimer: Timer | undefined;
  private watchTimer: Timer | undefined;
  /** How often this host has changed its network, and how often when it sent what the DC knows of it. */
  private moves = 0;
  private knownMoves = 0;
  /** Attempts to register that failed, whatever for: the next one is made at another endpoint of the DC. */
  private failures = 0;
  private closed = false;
  /** Why the operator ended the last session. */
  private revocation: string | undefined;
  private readonly instance: Uint8Array;

  constructor(private readonly options: MembershipOptions) {
    const { clock, random } = options.runtime;
    this.policy = new JoinPolicy(clock, random);
    this.instance = random.bytes(8);
    this.accountServer = new AccountServerAddress(options.runtime, options.accountServer);
    this.notification = new NotificationKeeper(options);
  }

  /** Starts to join; the outcome is told by `onJoined` or `onFailed`, as often as it changes. */
  start(): void {
    if (this.closed || this.joined) return;
    this.retryTimer?.cancel();
    this.attempt ??= this.join().finally(() => (this.attempt = undefined));
  }

  /** Resolves when this node is joined; rejects, soon, when it cannot be now. */
  async whenJoined(): Promise<void> {
    if (this.joined) return;
    if (this.error) await this.askAgain();
    else if (this.attempt) await within(this.options.runtime.timers, FIRST_WAIT_MS, this.attempt);
    if (this.joined) return;
    if (this.closed) throw new NtmError('NTM_CLOSED', 'this node was closed');
    throw this.error ?? new NtmError('NTM_AS_UNREACHABLE', 'the account server has not answered yet');
  }

  coordinator(): Joined['coordinator'] | undefined {
    return this.joined?.coordinator;
  }

  /** Somebody asked this DC, and it is not ours any more. */
  doubt(coordinator: Peer, reason: Loss): void {
    if (this.joined?.coordinator.peer === coordinator) this.lost(reason);
  }

  /** This DC has ended the session, if it is that of now. */
  ended(coordinator: Peer, reason: SessionEndReason): void {
    if (this.joined?.coordinator.peer === coordinator) this.lost(reason === 'replaced' ? reason : 'revoked', reason);
  }

  /** How the NS can wake this node when its connection is gone; undefined: not at all. */
  setPush(push: PushAddress | undefined): void {
    this.notification.setPush(push);
  }

  /** A push message came, or the host was asleep: makes sure that this node is registered where it is now. */
  wake(): void {
    if (this.joined) this.notification.wake();
    else if (!this.attempt && this.policy.mayAttempt(this.session !== undefined, this.options.password())) this.start();
  }

  /** This host has changed its network: registers anew, at once and then until it is (Figure 7 steps 3 to 10). */
  hostMoved(): void {
    this.moves += 1;
    this.policy.hostMoved();
    this.options.situation?.hostMoved();
    this.notification.hostMoved();
    this.followNetwork();
    if (this.joined) void this.move();
    else this.start();
  }

  /** This node knows more about itself than the DC. */
  async situationChanged(): Promise<void> {
    if (this.joined) await this.notification.refresh();
  }

  /** Leaves the network; the DC is told, without waiting for its answer. */
  close(): void {
    this.closed = true;
    for (const timer of [this.retryTimer, this.watchTimer]) timer?.cancel();
    this.registration?.deregister();
    this.notification.close();
    this.joined = undefined;
  }

  private async askAgain(): Promise<void> {
    const { runtime, signalling, password } = this.options;
    for (let waitedMs = 0; waitedMs < ASK_WAIT_MS && !this.joined; waitedMs += HURRY_MS) {
      if (!this.attempt && !this.policy.mayAttempt(this.session !== undefined, password())) return;
      this.start();
      if (!this.attempt) return;
      signalling.hurry(HURRY_MS);
      await within(runtime.timers, HURRY_MS, this.attempt);
    }
  }

  private async join(): Promise<void> {
    const { trace, part, onJoined, onMoved } = this.options;
    const before = this.knownMoves;
    trace({ part, event: 'login', figure: 4, step: 1 });
    this.policy.attemptBegins();
    try {
      const registered = await this.registerSomehow();
      if (this.closed) return;
      if (!this.joined) throw this.error ?? sessionLost(undefined); // lost again in this very moment
      this.error = undefined;
      this.toldCode = undefined;
      this.policy.joined();
      this.watchTimer?.cancel();
      const { fqdn } = this.joined;
      const { ipv4, ipv6 } = registered.addresses;
      trace({ part, event: 'logged in', figure: 4, step: 17, fqdn, addresses: `${ipv4}, ${ipv6}` });
      onJoined(fqdn, registered);
      if (this.isMoved) void this.move();
      else if (before !== this.knownMoves) onMoved();
    } catch (error) {
      if (!this.closed) this.failed(error as Error);
    }
  }

  private failed(error: Error): void {
    const { runtime, trace, part, onFailed } = this.options;
    const code = (error as NtmError).code;
    this.error = error;
    trace({ part, event: 'login failed', code });
    const delayMs = this.policy.retryDelayMs(this.session !== undefined);
    this.retryTimer = runtime.timers.schedule(delayMs, () => this.start());
    this.watch(addressText(runtime));
    if (this.toldCode === code) return;
    this.toldCode = code;
    onFailed(error);
  }

  private async registerSomehow(): Promise<Registered> {
    const away = this.session && (await this.registerWith(this.session));
    if (away && 'registered' in away) return away.registered;
    if (away && this.session && !this.policy.looksElsewhere) throw away.error;
    const password = this.options.password();
    if (!this.policy.mayLogin(password)) throw away?.error ?? this.error ?? new NtmError('NTM_CLOSED', 'no login now');
    let session: LoginResult;
    try {
      session = await this.login(password);
    } catch (error) {
      this.policy.loginFailed(error, password);
      if (!this.session) throw this.explained(error as Error);
      // The session is as good as ever, once its DC is back.
      throw new NtmError('NTM_DC_UNREACHABLE', away!.error.message, { cause: error });
    }
    this.policy.loginSucceeded();
    this.revocation = undefined;
    this.forgetSession();
    this.session = session;
    return this.register(session);
  }

  /** With a session of before. An error that leaves it as it was, or one after which there is none. */
  private async registerWith(session: LoginResult): Promise<{ registered: Registered } | { error: Error }> {
    try {
      const tries = this.policy.looksElsewhere ? REGISTER_TRIES : undefined;
      return { registered: await this.register(session, tries) };
    } catch (error) {
      return { error: error as Error };
    }
  }

  private async login(password: string): Promise<LoginResult> {
    const { runtime, accountServer, trace, part, addServer } = this.options;
    const { host } = accountServer;
    const endpoint = await this.accountServer.find();
    addServer?.(endpoint, this.accountServer.streamsAt(endpoint), endpoint.address === host ? undefined : host);
    return login({
      ...this.options,
      ...{ password, instance: this.instance, yielding: this.policy.yields },
      random: runtime.random,
      accountServer: endpoint,
      accountServerKey: accountServer.publicKey,
      onConfiguration: (configuration) => {
        trace({ part, event: 'configured', figure: 4, step: 4 });
        this.options.onConfiguration(configuration);
      },
    });
  }

  private async register(session: LoginResult, tries?: number): Promise<Registered> {
    const endpoint = this.endpointOf(session);
    const { runtime, signalling, route, hostEndpoints, situation } = this.options;
    const registration = new Registration({
      signalling,
      timers: runtime.timers,
      coordinator: session.coordinator,
      coordinatorEndpoint: () => this.joined?.coordinator.endpoint ?? endpoint,
      route,
      hostEndpoints,
      situation,
      onLost: (reason) => this.lost(reason),
    });
    const { moves, isMoved: handover } = this;
    let registered: Registered;
    try {
      registered = await registration.register(tries, handover);
    } catch (error) {
      registration.close();
      this.failures += 1;
      const loss = lossBy(error);
      if (loss === undefined || loss === 'silence') throw coordinatorAway(error);
      this.forgetSession();
      throw this.notOurs(loss, error);
    }
    if (this.closed) {
      registration.deregister();
      return registered;
    }
    this.registration = registration;
    this.joined = { fqdn: session.fqdn, coordinator: { peer: session.coordinator, endpoint } };
    this.knownMoves = moves;
    this.notification.registered(registration, registered, handover);
    return registered;
  }

  private endpointOf(session: LoginResult): Endpoint {
    const { runtime, addServer } = this.options;
    const endpoint = chosenEndpoint(session.coordinatorEndpoints, this.failures, runtime);
    addServer?.(endpoint, session.coordinatorStreams);
    return endpoint;
  }

  /** In another network the DC may have to be reached by the other IP version. */
  private followNetwork(): void {
    const { joined, session } = this;
    if (!joined || !session || mayReach(joined.coordinator.endpoint, this.options.runtime)) return;
    this.joined = { ...joined, coordinator: { ...joined.coordinator, endpoint: this.endpointOf(session) } };
  }

  /** Ends when the host moves again. What does not succeed makes the registration lost, and joins anew. */
  private async move(): Promise<void> {
    const { moves, registration } = this;
    const registered = await registration?.move(MOVE_TRIES);
    if (!registration || !registered || registration !== this.registration || this.closed) return;
    this.knownMoves = moves;
    this.notification.registered(registration, registered, true);
    this.options.onMoved();
  }

  private get isMoved(): boolean {
    return this.moves !== this.knownMoves;
  }

  /** The DC has ended the session, or does not know it. */
  private notOurs(loss: Exclude<Loss, 'silence'>, cause?: unknown, why?: SessionEndReason): NtmError {
    switch (loss) {
      case 'replaced':
        this.policy.replaced();
        return replaced();
      case 'revoked':
        this.revocation = revocationText(why);
        this.policy.revoked(why === 'password' ? why : 'other', this.options.password());
        return new NtmError('NTM_REVOKED', this.revocation, { cause });
      default:
        this.policy.sessionLost();
        return sessionLost(cause);
    }
  }

  /** What a login is answered does not tell why; what the DC said before does. */
  private explained(error: Error): Error {
    if (this.revocation === undefined || (error as NtmError).code !== 'NTM_LOGIN_REFUSED') return error;
    return new NtmError('NTM_LOGIN_REFUSED', `${error.message}; before that, ${this.revocation}`, { cause: error });
  }

  private lost(reason: Loss, why?: SessionEndReason): void {
    const silent = this.joined?.coordinator.peer;
    this.joined = undefined;
    this.registration?.close();
    this.registration = undefined;
    this.notification.unregistered();
    // A registration alone is had again with the session that is there.
    const isAway = reason === 'silence';
    const error = isAway || reason === 'registration' ? lossError(reason) : this.notOurs(reason, undefined, why);
    this.error = error;
    const { trace, part } = this.options;
    trace({ part, event: 'lost', reason, why: error.message });
    if (!isAway && reason !== 'registration') this.forgetSession();
    else if (silent) this.options.signalling.giveUp(silent);
    if (reason === 'revoked') this.options.onRevoked(error);
    this.start();
  }

  private forgetSession(): void {
    if (this.session) this.options.signalling.removePeer(this.session.coordinator);
    this.session = undefined;
  }

  private watch(before: string): void {
    this.watchTimer?.cancel();
    this.watchTimer = this.options.runtime.timers.schedule(WATCH_MS, () => {
      const now = addressText(this.options.runtime);
      if (now !== before) this.policy.hostMoved();
      if (now !== before || this.policy.isNewPassword(this.options.password())) this.start();
      else this.watch(before);
    });
  }
}
