/**
 * NS, the notification server (paper 2.3): keeps a TCP connection with each node and wakes the node over it.
 * Figure 4 steps 10, 11, 14 to 16; Figure 5 steps 9 and 10.
 *
 *   service of an FQDN:  none --notification service request (DC)--> offered
 *                        offered --notification registration (node, TCP)--> connected
 *                        connected --TCP ends, silent for IDLE_MS--> offered
 *
 * The DC says who a node is, by a key; a connection that does not prove to hold one is closed.
 */
import type { Endpoint } from '../../core/wire/addresses';
import { frame } from '../../core/wire/frames';
import { agreedKey, hex, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { Signalling, type Context } from '../../core/wire/signalling';
import { BoundedMap } from '../bounded-map';
import type { ServerMachine, ServerPorts, TrustedServer } from '../server-ports';
import { Connections, type Connection, type ConnectionEvents, type NodeStream } from './connections';

const SERVICES_LIMIT = 100_000;
const SERVICE_AGE_MS = 7 * 24 * 3_600_000;

export interface NotificationServerOptions {
  readonly identity: KeyPair;
  readonly name: string;
  readonly coordinator: TrustedServer;
  /** TCP, where nodes connect. */
  readonly streamEndpoints: readonly Endpoint[];
}

interface Service {
  readonly fqdn: string;
  readonly peer: Peer;
  connection: Connection | undefined;
}

export class NotificationServer implements ServerMachine {
  /** With the DC, over UDP. */
  readonly signalling: Signalling<Endpoint>;
  readonly coordinator: Peer;
  /** With nodes, over TCP. */
  readonly streamSignalling: Signalling<Connection>;
  readonly connections: Connections;
  private readonly services: BoundedMap<string, Service>;

  constructor(
    private readonly options: NotificationServerOptions,
    ports: ServerPorts,
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
      ports.timers,
      (datagram, connection) => this.streamSignalling.receive(datagram, connection),
      (connection) => this.ended(connection),
    );
    this.services = new BoundedMap(ports.clock, SERVICES_LIMIT, SERVICE_AGE_MS, (service) => this.withdraw(service));
    this.signalling.handle('notificationServiceRequest', (body, context) => this.offer(body, context));
    this.signalling.handle('notificationRequest', (body, context) => this.notify(body, context));
    this.streamSignalling.handle('notificationRegistration', (_, { peer, from }) => this.register(peer, from));
    this.streamSignalling.handle('keepAlive', (_, { from }) => void this.connections.heard(from));
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

  close(): void {
    this.connections.close();
    this.signalling.close();
    this.streamSignalling.close();
  }

  /** Figure 4 steps 10 and 11. The same key again keeps the connection. */
  private offer({ fqdn, key }: Body<'notificationServiceRequest'>, { peer }: Context<Endpoint>): Message {
    if (peer !== this.coordinator) throw new Refused('malformed');
    const shared = sharedKey(key, 1);
    const known = this.services.get(fqdn);
    if (!known || hex(known.peer.key.id) !== hex(shared.id)) {
      if (this.streamSignalling.holderOf(shared.id)) throw new Refused('malformed'); // one node has a key, not two
      this.services.delete(fqdn);
      const node = this.streamSignalling.addPeer({ key: shared, party: 'node', name: fqdn });
      this.services.set(fqdn, { fqdn, peer: node, connection: undefined });
    }
    return { name: 'notificationServiceAck', body: { endpoints: [...this.options.streamEndpoints] } };
  }

  /** Figure 4 steps 14 and 15. The newest connection is the node's. */
  private register(peer: Peer, connection: Connection): Message {
    const service = this.services.get(peer.name);
    if (service?.peer !== peer) throw new Refused('not-registered');
    // Its end is told to one node: another would stay connected to nothing.
    if (connection.node && connection.node !== peer) throw new Refused('malformed');
    if (service.connection !== connection) service.connection?.stream.close();
    service.connection = connection;
    this.connections.admit(connection, peer);
    return { name: 'notificationRegistrationAck', body: {} };
  }

  /** Figure 5 steps 9 and 10. */
  private notify(
    { fqdn, notificationId }: Body<'notificationRequest'>,
    { peer, handover }: Context<Endpoint>,
  ): Message {
    if (peer !== this.coordinator) throw new Refused('malformed');
    const service = this.services.get(fqdn);
    const connection = service?.connection;
    if (service && connection) {
      this.streamSignalling.oneway(service.peer, connection, {
        name: 'notification',
        body: { notificationId },
        handover,
      });
    }
    return { name: 'notificationRequestAck', body: { connected: connection !== undefined } };
  }

  private ended(connection: Connection): void {
    const service = connection.node && this.services.get(connection.node.name);
    if (service?.connection === connection) service.connection = undefined;
  }

  private withdraw(service: Service): void {
    service.connection?.stream.close();
    this.streamSignalling.removePeer(service.peer);
  }
}
