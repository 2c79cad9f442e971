/**
 * NS, the notification server (paper 2.3): keeps a TCP connection with each node and wakes the node over it, or by a
 * push message when there is none. Figure 4 steps 10, 11, 14 to 16; Figure 5 steps 9 and 10.
 *
 *   service of an FQDN:  none --notification service request (DC)--> offered
 *                        offered --notification registration (node, TCP)--> connected
 *                        connected --TCP ends, silent for too long--> offered
 *
 * The DC says who a node is, by a key; a connection that does not prove to hold one is closed.
 */
import type { Timer } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { frame } from '../../core/wire/frames';
import { agreedKey, hex, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { Signalling, type Context } from '../../core/wire/signalling';
import type { ServerMachine, ServerPorts, TrustedServer } from '../server-ports';
import type { PushStore } from '../store/store';
import {
  Connections,
  type Connection,
  type ConnectionEvents,
  type ConnectionLimits,
  type NodeStream,
} from './connections';
import { Pusher, type PushAddress, type PushServices } from './push/pusher';
import { Services, type Service } from './services';

/** So many nodes a second are asked to register anew at the DC, which has restarted. */
const RENEWALS_PER_SECOND = 1_000;
const RENEWAL_MS = { least: 1_000, most: 60_000 };
const DRAIN_CHECK_MS = 100;

export interface NotificationServerOptions {
  readonly identity: KeyPair;
  readonly name: string;
  readonly coordinator: TrustedServer;
  /** TCP, where nodes connect. */
  readonly streamEndpoints: readonly Endpoint[];
  readonly limits?: Partial<ConnectionLimits>;
  readonly push?: PushServices;
  /** Where push addresses are kept; without it they are gone with the process. */
  readonly store?: PushStore;
  onPushFailed?(fqdn: string, reason: string): void;
}

export class NotificationServer implements ServerMachine {
  /** With the DC, over UDP. */
  readonly signalling: Signalling<Endpoint>;
  readonly coordinator: Peer;
  /** With nodes, over TCP. */
  readonly streamSignalling: Signalling<Connection>;
  readonly connections: Connections;
  readonly services: Services;
  readonly pusher: Pusher;
  draining = false;
  private coordinatorAt: Endpoint | undefined;
  private drainTimer: Timer | undefined;

  constructor(
    private readonly options: NotificationServerOptions,
    private readonly ports: ServerPorts,
  ) {
    const { identity, coordinator, name: part } = options;
    this.signalling = new Signalling({ party: 'ns', part, identity, ...ports });
    this.coordinator = this.signalling.addPeer({ ...coordinator, key: agreedKey(identity, coordinator.publicKey) });
    this.streamSignalling = new Signalling<Connection>({
      ...ports,
      party: 'ns',
      part,
      transmit: (datagram, connection) => connection.stream.write(frame(datagram)),
    });
    this.connections = new Connections(
      ports,
      (datagram, connection) => this.streamSignalling.receive(datagram, connection),
      (connection) => this.ended(connection),
      options.limits,
    );
    this.pusher = new Pusher(ports, options.push ?? {}, {
      dead: (fqdn, address) => this.pushAddressDead(fqdn, address),
      failed: (fqdn, reason) => this.pushFailed(fqdn, reason),
    });
    const { clock } = ports;
    this.services = new Services(clock, this.streamSignalling, options.store, ({ fqdn }) => this.pusher.forget(fqdn));
    this.signalling.handle('notificationServiceRequest', (body, context) => this.offer(body, context));
    this.signalling.handle('notificationRequest', (body, context) => this.notify(body, context));
    this.streamSignalling.handle('notificationRegistration', (body, { peer, from }) => this.register(body, peer, from));
    this.streamSignalling.handle('keepAlive', (_, { peer, from }) => this.keepAlive(peer, from));
  }

  /** With what an earlier run has kept. */
  start(): Promise<void> {
    return this.services.load();
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.signalling.receive(datagram, from);
  }

  accept(stream: NodeStream): ConnectionEvents | undefined {
    return this.connections.accept(stream);
  }

  /** 0 idle to 1 full, for reports. */
  get load(): number {
    return this.connections.load;
  }

  /** The DC knows nothing of its nodes any more, perhaps. They would notice at their next keep alive: minutes later. */
  coordinatorRestarted(): void {
    const withinMs = (this.connections.size / RENEWALS_PER_SECOND) * 1_000;
    this.renewAll(Math.min(Math.max(withinMs, RENEWAL_MS.least), RENEWAL_MS.most));
  }

  /** Sends the nodes to other servers, once the DC knows that this one drains. Resolves when they are gone, or after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    this.draining = true;
    this.connections.refuseFurther();
    this.renewAll(limitMs / 2);
    const { clock, timers } = this.ports;
    for (const untilMs = clock.now() + limitMs; this.connections.size > 0 && clock.now() < untilMs;) {
      await new Promise<void>((resolve) => (this.drainTimer = timers.schedule(DRAIN_CHECK_MS, resolve)));
    }
  }

  close(): void {
    this.drainTimer?.cancel();
    this.pusher.close();
    this.connections.close();
    this.signalling.close();
    this.streamSignalling.close();
  }

  /** Figure 4 steps 10 and 11. The same key again keeps the connection. */
  private offer({ fqdn, key }: Body<'notificationServiceRequest'>, { peer, from }: Context<Endpoint>): Message {
    if (peer !== this.coordinator) throw new Refused('malformed');
    this.coordinatorAt = from;
    const { id } = sharedKey(key, 1);
    const known = this.services.get(fqdn);
    if (known && hex(known.peer.key.id) === hex(id)) this.services.renew(known);
    else if (this.streamSignalling.holderOf(id))
      throw new Refused('malformed'); // one node has a key, not two
    else this.services.add(fqdn, key);
    return { name: 'notificationServiceAck', body: { endpoints: [...this.options.streamEndpoints] } };
  }

  /** Figure 4 steps 14 and 15. The newest connection is the node's. */
  private async register(
    { push }: Body<'notificationRegistration'>,
    peer: Peer,
    connection: Connection,
  ): Promise<Message> {
    const service = this.services.get(peer.name);
    if (service?.peer !== peer) throw new Refused('not-registered');
    // Its end is told to one node: another would stay connected to nothing.
    if (connection.node && connection.node !== peer) throw new Refused('malformed');
    if (!this.connections.admit(connection, peer)) throw new Refused('malformed');
    if (service.connection !== connection) service.connection?.stream.close();
    service.connection = connection;
    this.pusher.forget(service.fqdn);
    const outcome = await this.keepPush(service, push);
    return { name: 'notificationRegistrationAck', body: outcome ? { push: outcome } : {} };
  }

  private async keepPush(
    service: Service,
    push: PushAddress | undefined,
  ): Promise<'kept' | 'dead' | 'unsupported' | undefined> {
    const isSupported = push !== undefined && this.pusher.supports(push.kind);
    if (!isSupported) {
      await this.services.setPush(service, undefined);
      return push && 'unsupported';
    }
    if (isSameAddress(push, service.push)) return service.isDead ? 'dead' : 'kept';
    await this.services.setPush(service, push);
    return 'kept';
  }

  /** Figure 4 step 16. Answered with one of our own: the node must find out when we are gone. */
  private keepAlive(peer: Peer, connection: Connection): void {
    if (connection.node !== peer) return;
    this.connections.heard(connection);
    this.streamSignalling.oneway(peer, connection, { name: 'keepAlive', body: {} });
  }

  /** Figure 5 steps 9 and 10: over the connection, or by push. */
  private notify(
    { fqdn, notificationId }: Body<'notificationRequest'>,
    { peer, from, handover }: Context<Endpoint>,
  ): Message {
    if (peer !== this.coordinator) throw new Refused('malformed');
    this.coordinatorAt = from;
    const service = this.services.get(fqdn);
    const connection = service?.connection;
    if (service && connection) {
      this.streamSignalling.oneway(service.peer, connection, {
        name: 'notification',
        body: { notificationId },
        handover,
      });
      return { name: 'notificationRequestAck', body: { connected: true } };
    }
    const pushed = !!service?.push && !service.isDead && this.pusher.push(fqdn, service.push);
    return { name: 'notificationRequestAck', body: pushed ? { connected: false, pushed } : { connected: false } };
  }

  private ended(connection: Connection): void {
    const service = connection.node && this.services.get(connection.node.name);
    if (service?.connection === connection) service.connection = undefined;
  }

  private pushAddressDead(fqdn: string, address: PushAddress): void {
    const service = this.services.get(fqdn);
    if (service && isSameAddress(address, service.push)) void this.services.setPush(service, address, true);
  }

  private pushFailed(fqdn: string, reason: string): void {
    this.options.onPushFailed?.(fqdn, reason);
    if (!this.coordinatorAt) return;
    this.signalling.oneway(this.coordinator, this.coordinatorAt, { name: 'notificationFailure', body: { fqdn } });
  }

  private renewAll(withinMs: number): void {
    const message = { name: 'notificationRenewal', body: { withinMs: Math.round(withinMs) } } as const;
    for (const [connection, node] of this.connections.registered()) {
      this.streamSignalling.oneway(node, connection, message);
    }
  }
}

function isSameAddress(a: PushAddress, b: PushAddress | undefined): boolean {
  return a.kind === b?.kind && a.token === b.token;
}
