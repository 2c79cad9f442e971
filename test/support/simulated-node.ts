/** A node that does its part of Figures 4 and 5 with nothing but Signalling. */
import assert from 'node:assert/strict';
import type { Endpoint } from '../../core/wire/addresses';
import { frame } from '../../core/wire/frames';
import { generateKeyPair, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message, MessageName } from '../../core/wire/messages';
import type { Peer } from '../../core/wire/peers';
import { Signalling } from '../../core/wire/signalling';
import type { NodeStream } from '../../servers/notification/connections';
import { settle } from './memory-datagrams';
import { ports, type ServerWorld } from './server-world';

type LoginMore = Pick<Body<'loginRequest'>, 'instance' | 'yielding'>;
type Push = Body<'notificationRegistration'>['push'];

export class SimulatedNode {
  readonly signalling: Signalling<Endpoint>;
  readonly streamSignalling: Signalling<undefined>;
  readonly keys: KeyPair;
  /** Route Directions that came as requests: this node was CN. */
  readonly directions: Body<'routeDirection'>[] = [];
  readonly policies: Body<'policyDirection'>[] = [];
  /** Why the DC said that the session is over, and tunnels with whom. */
  readonly sessionEnds: string[] = [];
  readonly tunnelEnds: string[] = [];
  acknowledgesNotifications = true;
  dc: Peer | undefined;
  dcAt: Endpoint = ports.dc;
  /** All that the AS has named. */
  coordinatorEndpoints: readonly Endpoint[] = [];
  ns: Peer | undefined;
  stream: NodeStream | undefined;
  registration: Body<'registrationResponse'> | undefined;
  /** What the NS said of the push address. */
  pushOutcome: Body<'notificationRegistrationAck'>['push'];
  private push: Push;
  private transmit: (datagram: Uint8Array, to: Endpoint) => void;

  constructor(
    readonly world: ServerWorld,
    readonly account: string,
    readonly local: Endpoint,
    readonly node: string | null = null,
  ) {
    this.keys = generateKeyPair(world.random);
    const common = { party: 'node' as const, part: `node ${account}`, ...world.clockPorts };
    const receive = (datagram: Uint8Array, from: Endpoint): void => this.signalling.receive(datagram, from);
    this.transmit = world.network.attach(local, receive);
    this.signalling = new Signalling({ ...common, transmit: (datagram, to) => this.transmit(datagram, to) });
    this.streamSignalling = new Signalling<undefined>({
      ...common,
      transmit: (datagram) => this.stream?.write(frame(datagram)),
    });
    this.signalling.handle('routeDirection', (body): Message => {
      this.directions.push(body);
      return { name: 'routeDirectionAck', body: { directionId: body.directionId } };
    });
    this.signalling.handle('policyDirection', (body): Message => {
      this.policies.push(body);
      return { name: 'policyDirectionAck', body: {} };
    });
    this.signalling.handle('sessionEnd', ({ reason }): Message => {
      this.sessionEnds.push(reason);
      return { name: 'sessionEndAck', body: {} };
    });
    this.signalling.handle('tunnelEnd', ({ fqdn }): Message => {
      this.tunnelEnds.push(fqdn);
      return { name: 'tunnelEndAck', body: {} };
    });
    this.streamSignalling.handle('notification', (body) => {
      if (this.acknowledgesNotifications)
        this.signalling.oneway(this.dc!, this.dcAt, { name: 'notificationAck', body });
    });
  }

  /** Figure 4 steps 2 to 8. */
  login(password = 'right', more: LoginMore = {}): Promise<Body<'configurationResponse'>> {
    const { account, node } = this;
    return this.loginBy({ name: 'configurationRequest', body: { account, node, password } }, more);
  }

  /** The same with a join key. */
  loginByKey(key: string): Promise<Body<'configurationResponse'>> {
    return this.loginBy({ name: 'joinRequest', body: { key, node: this.node } });
  }

  private async loginBy(message: Message, more: LoginMore = {}): Promise<Body<'configurationResponse'>> {
    const { world, signalling } = this;
    const pinned = { publicKey: world.identities.as.publicKey, party: 'as' as const, name: 'as' };
    const contact = signalling.firstContact(ports.as, message, generateKeyPair(world.random), pinned);
    const configuration = expectBody(await this.settle(contact.answer), 'configurationResponse');
    const { challenge } = configuration;
    const body = { challenge, publicKey: this.keys.publicKey, ...more };
    const answer = await this.settle(signalling.request(contact.peer, ports.as, { name: 'loginRequest', body }));
    const { key, coordinator, endpoints } = expectBody(answer, 'loginResponse');
    this.coordinatorEndpoints = endpoints;
    this.dcAt = endpoints[0]!;
    this.dc = signalling.addPeer({ key: sharedKey(key, 0), party: 'dc', name: coordinator });
    return configuration;
  }

  /** Figure 4 steps 9 to 12. */
  async register(
    host: Endpoint[] = [this.local],
    reach?: Body<'registrationRequest'>['reach'],
  ): Promise<Body<'registrationResponse'>> {
    const body = { endpoints: host, lifetimeMs: 90_000, route: 'auto' as const, ...(reach && { reach }) };
    this.registration = expectBody(await this.ask({ name: 'registrationRequest', body }), 'registrationResponse');
    return this.registration;
  }

  /** Where it registers at the NS. */
  get notifiedAt(): Endpoint | undefined {
    return this.registration?.notification?.endpoints[0];
  }

  /** As a process that ends: once, and not answered. */
  deregister(): void {
    const body = { endpoints: [], lifetimeMs: 0, route: 'auto' as const };
    this.signalling.oneway(this.dc!, this.dcAt, { name: 'registrationRequest', body });
  }

  /** Figure 4 steps 14 and 15. */
  async registerForNotifications({ notification }: Body<'registrationResponse'>, push = this.push): Promise<void> {
    assert(notification, 'no notification service');
    const stream = this.world.connect(
      (datagram) => this.streamSignalling.receive(datagram, undefined),
      () => this.stream === stream && (this.stream = undefined),
      this.local.address,
      notification.endpoints[0],
    );
    this.stream = stream;
    const ns = this.streamSignalling.addPeer({ key: sharedKey(notification.key, 0), party: 'ns', name: 'ns' });
    this.ns = ns;
    this.push = push;
    const request: Message = { name: 'notificationRegistration', body: push ? { push } : {} };
    const answer = await this.waitFor(this.streamSignalling.request(ns, undefined, request));
    this.pushOutcome = expectBody(answer, 'notificationRegistrationAck').push;
  }

  /** Figure 4 step 16. */
  keepNotificationsAlive(): void {
    this.streamSignalling.oneway(this.ns!, undefined, { name: 'keepAlive', body: {} });
  }

  async join(push?: Push): Promise<Body<'registrationResponse'>> {
    await this.login();
    const registration = await this.register();
    if (registration.notification) await this.registerForNotifications(registration, push);
    return registration;
  }

  async keepAlive(): Promise<Body<'keepAliveAck'>> {
    return expectBody(await this.ask({ name: 'keepAlive', body: {} }), 'keepAliveAck');
  }

  /** Figure 5 steps 2 to 16. */
  async direct(target: string): Promise<Body<'routeDirection'>> {
    const direction = expectBody(await this.ask({ name: 'directionRequest', body: { target } }), 'routeDirection');
    const { directionId } = direction;
    this.signalling.oneway(this.dc!, this.dcAt, { name: 'routeDirectionAck', body: { directionId } });
    return direction;
  }

  ask(message: Message): Promise<Message> {
    return this.waitFor(this.signalling.request(this.dc!, this.dcAt, message));
  }

  /** The node's datagrams come from somewhere else from now on. */
  move(to: Endpoint): void {
    this.world.network.detach(this.local);
    this.transmit = this.world.network.attach(to, (datagram, from) => this.signalling.receive(datagram, from));
  }

  /** It is there again, somewhere else perhaps, with all that it knew. Somebody else lets time pass. */
  async returnTo(local: Endpoint): Promise<void> {
    this.move(local);
    this.waitFor = (promise) => promise;
    await this.registerForNotifications(await this.register([local]));
  }

  /** As when its process is killed. */
  vanish(): void {
    this.world.network.detach(this.local);
    this.stream?.close();
  }

  private waitFor = <T>(promise: Promise<T>): Promise<T> => this.settle(promise);

  private settle<T>(promise: Promise<T>): Promise<T> {
    return settle(this.world.time, promise);
  }
}

export function expectBody<N extends MessageName>(message: Message, name: N): Body<N> {
  assert.equal(message.name, name);
  return message.body;
}
