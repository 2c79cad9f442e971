/**
 * Membership of this node in the network: login, registration, notification, and doing them again when lost.
 *
 *   joining -- registered --> joined -- session lost --> joining (log in again)
 *      |                         '----- DC silent ----> waiting
 *      '-- failed --> waiting -- timer --> joining
 *
 * While `waiting`, `error` says why, so that names fail promptly instead of waiting with it.
 */
import { NtmError } from '../errors';
import type { Runtime, Timer } from '../runtime';
import type { Trace } from '../trace';
import type { Endpoint } from '../wire/addresses';
import type { Body } from '../wire/messages';
import { Refused } from '../wire/outcomes';
import type { Peer } from '../wire/peers';
import type { Signalling } from '../wire/signalling';
import { login, type LoginResult } from './login';
import { NotificationClient } from './notification-client';
import { Registration, type Registered } from './registration';

const RETRY_MS = 1_000;
const RETRY_LIMIT_MS = 60_000;

export interface MembershipOptions {
  readonly runtime: Runtime;
  readonly trace: Trace;
  readonly part: string;
  readonly signalling: Signalling<Endpoint>;
  readonly accountServer: { readonly host: string; readonly port: number; readonly publicKey: Uint8Array };
  readonly account: string;
  readonly node: string | null;
  readonly password: string;
  readonly publicKey: Uint8Array;
  readonly route: 'auto' | 'relay' | 'direct';
  hostEndpoints(): Endpoint[];
  onConfiguration(configuration: Body<'configurationResponse'>): void;
  onJoined(fqdn: string, registered: Registered): void;
  onFailed(error: Error): void;
  onNotification(notificationId: Uint8Array): void;
}

interface Joined {
  readonly fqdn: string;
  readonly coordinator: { readonly peer: Peer; readonly endpoint: Endpoint };
}

export class Membership {
  /** Why this node is not joined; undefined while it is, or while a first attempt runs. */
  error: Error | undefined;
  private session: LoginResult | undefined;
  private joined: Joined | undefined;
  private registration: Registration | undefined;
  private notification: NotificationClient | undefined;
  private attempt: Promise<void> | undefined;
  private retryTimer: Timer | undefined;
  private failures = 0;
  private closed = false;

  constructor(private readonly options: MembershipOptions) {}

  /** Starts to join; the outcome is told by `onJoined` or `onFailed`, as often as it changes. */
  start(): void {
    this.attempt ??= this.join().finally(() => (this.attempt = undefined));
  }

  /** Resolves when this node is joined; rejects at once when it is known why it cannot be. */
  async whenJoined(): Promise<void> {
    if (!this.joined && !this.error) await this.attempt;
    if (!this.joined) throw this.error ?? new NtmError('NTM_CLOSED', 'this node was closed');
  }

  coordinator(): Joined['coordinator'] | undefined {
    return this.joined?.coordinator;
  }

  /** Leaves the network; the DC is told, without waiting for its answer. */
  close(): void {
    this.closed = true;
    this.retryTimer?.cancel();
    this.registration?.deregister();
    this.notification?.close();
    this.joined = undefined;
  }

  private async join(): Promise<void> {
    const { trace, part, onJoined, onFailed } = this.options;
    trace({ part, event: 'login', figure: 4, step: 1 });
    try {
      this.session ??= await this.login();
      const registered = await this.register(this.session);
      if (this.closed) return;
      this.error = undefined;
      this.failures = 0;
      trace({ part, event: 'logged in', figure: 4, step: 17 });
      onJoined(this.session.fqdn, registered);
    } catch (error) {
      if (this.closed) return;
      const repeated = (this.error as NtmError | undefined)?.code === (error as NtmError).code;
      this.error = error as Error;
      trace({ part, event: 'login failed', code: (error as NtmError).code });
      if (!repeated) onFailed(this.error);
      this.retry();
    }
  }

  private async login(): Promise<LoginResult> {
    const { runtime, accountServer, trace, part } = this.options;
    const accountServerEndpoint = await this.resolveAccountServer();
    return login({
      ...this.options,
      random: runtime.random,
      accountServer: accountServerEndpoint,
      accountServerKey: accountServer.publicKey,
      onConfiguration: (configuration) => {
        trace({ part, event: 'configured', figure: 4, step: 4 });
        this.options.onConfiguration(configuration);
      },
    });
  }

  private async resolveAccountServer(): Promise<Endpoint> {
    const { runtime, accountServer } = this.options;
    try {
      return { address: await runtime.resolveHost(accountServer.host), port: accountServer.port };
    } catch (cause) {
      throw new NtmError('NTM_AS_UNREACHABLE', `the account server's name ${accountServer.host} has no address`, {
        cause,
      });
    }
  }

  private async register(session: LoginResult): Promise<Registered> {
    const endpoint = session.coordinatorEndpoints[0];
    if (!endpoint) throw new NtmError('NTM_PROTOCOL', 'the account server named no endpoint of the DC');
    const { runtime, signalling, route, hostEndpoints } = this.options;
    const registration = new Registration({
      signalling,
      timers: runtime.timers,
      coordinator: session.coordinator,
      coordinatorEndpoint: endpoint,
      route,
      hostEndpoints,
      onLost: (reason) => this.lost(reason),
    });
    let registered: Registered;
    try {
      registered = await registration.register();
    } catch (error) {
      registration.close();
      if (error instanceof Refused) this.forgetSession();
      throw new NtmError('NTM_DC_UNREACHABLE', 'no answer from the direction coordinator', { cause: error });
    }
    if (this.closed) {
      registration.deregister();
      return registered;
    }
    this.registration = registration;
    this.joined = { fqdn: session.fqdn, coordinator: { peer: session.coordinator, endpoint } };
    this.keepNotification(registered);
    return registered;
  }

  private keepNotification({ notification }: Registered): void {
    this.notification?.close();
    this.notification = undefined;
    const endpoint = notification?.endpoints[0];
    if (!endpoint) return;
    const { runtime, trace, part, onNotification } = this.options;
    const { clock, timers, random } = runtime;
    const openStreamPort = runtime.openStreamPort.bind(runtime);
    const { key } = notification;
    this.notification = new NotificationClient({
      ...{ clock, timers, random, trace, part, endpoint, key, openStreamPort, onNotification },
    });
  }

  private lost(reason: 'session' | 'silence'): void {
    this.joined = undefined;
    if (reason === 'session') {
      this.forgetSession();
      return this.start();
    }
    this.error = new NtmError('NTM_DC_UNREACHABLE', 'no answer from the direction coordinator');
    this.options.onFailed(this.error);
    this.retry();
  }

  private forgetSession(): void {
    if (this.session) this.options.signalling.removePeer(this.session.coordinator);
    this.session = undefined;
  }

  private retry(): void {
    const hopeless = this.error instanceof NtmError && ['NTM_LOGIN_REFUSED', 'NTM_AS_KEY'].includes(this.error.code);
    const delayMs = hopeless ? RETRY_LIMIT_MS : Math.min(RETRY_MS * 2 ** this.failures++, RETRY_LIMIT_MS);
    this.retryTimer = this.options.runtime.timers.schedule(delayMs, () => this.start());
  }
}
