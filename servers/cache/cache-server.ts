/**
 * CS, the cache server (paper 2.5): keeps what nodes store for nodes that are away, until these take it or it is over.
 * It sees sealed bytes, who stored them for whom, and how many they are.
 *
 *   sender                          CS                            receiver
 *    | cache store request -------> |
 *    | bytes ---------------------> |
 *    | cache store request -------> |
 *    | <- cache store response      |  stored: on disk
 *                                   |  cache notice -------------> |   if it is connected
 *                                   | <------- cache take request  |   what is there?
 *                                   |  cache take response, bytes->|
 *                                   | <------- cache take request  |   finished: deleted; what is next?
 *
 * The DC says who a node is, by a key, and for whom it may store (Cache Service Request). Nodes come by TCP.
 */
import type { Timer } from '../../core/runtime';
import { chunksOf, CACHE_FRAME_LIMIT, CHUNK_MAGIC, readChunk, writeChunk } from '../../core/wire/cache-frames';
import type { TakenOutcome } from '../../core/wire/cache-messages';
import type { Endpoint } from '../../core/wire/addresses';
import { frame } from '../../core/wire/frames';
import { agreedKey, hex, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { Signalling, type Context } from '../../core/wire/signalling';
import { BoundedMap } from '../bounded-map';
import { Connections, type Connection, type ConnectionEvents, type NodeStream } from '../notification/connections';
import type { ServerMachine, ServerPorts, TrustedServer } from '../server-ports';
import type { CachedItem, CachedItemStore, CacheUsage, NumberedItem } from '../store/store';
import { defaultCacheLimits, type CacheLimits } from './cache-limits';
import { Uploads } from './uploads';

/** What may wait for a node that reads slowly; it asks for two parts at once. */
export const CACHE_WRITE_QUEUE_BYTES = 1 << 20;
const SERVICES_LIMIT = 100_000;
const SERVICE_AGE_MS = 7 * 24 * 3_600_000;
/** For how many others a node may store before it has to ask its DC again. */
const RECEIVERS_LIMIT = 1_024;
const EXPIRE_MS = 60_000;
/** Removed in one transaction: it shall not take long. */
const EXPIRE_LIMIT = 500;

export interface CacheServerOptions {
  readonly identity: KeyPair;
  readonly name: string;
  readonly coordinator: TrustedServer;
  readonly store: CachedItemStore;
  readonly limits?: Partial<CacheLimits>;
  /** TCP, where nodes connect. */
  readonly streamEndpoints: readonly Endpoint[];
}

/** A node that the DC has announced. */
interface Service {
  readonly fqdn: string;
  readonly peer: Peer;
  readonly owner: string;
  readonly receivers: Set<string>;
  connection: Connection | undefined;
}

export class CacheServer implements ServerMachine {
  /** With the DC, over UDP. */
  readonly signalling: Signalling<Endpoint>;
  readonly coordinator: Peer;
  /** With nodes, over TCP. */
  readonly streamSignalling: Signalling<Connection>;
  readonly connections: Connections;
  readonly uploads: Uploads<Connection>;
  private currentLimits: CacheLimits;
  /** Items that were stored, by what became of them; `expired` ones among them. */
  readonly ended = new Map<TakenOutcome | 'expired', number>();
  stored = 0;
  /** As of the last sweep or change. */
  usage: CacheUsage = { items: 0, bytes: 0 };
  private readonly services: BoundedMap<string, Service>;
  private sweepTimer: Timer | undefined;

  constructor(
    private readonly options: CacheServerOptions,
    private readonly ports: ServerPorts,
  ) {
    const { identity, coordinator, name: part, store } = options;
    this.currentLimits = { ...defaultCacheLimits, ...options.limits };
    this.signalling = new Signalling({ party: 'cs', part, identity, ...ports });
    this.coordinator = this.signalling.addPeer({ ...coordinator, key: agreedKey(identity, coordinator.publicKey) });
    this.streamSignalling = new Signalling<Connection>({
      ...ports,
      party: 'cs',
      part,
      transmit: (datagram, connection) => connection.stream.write(frame(datagram)),
    });
    this.connections = new Connections(
      ports,
      (bytes, connection) => this.receiveFrame(bytes, connection),
      (connection) => this.disconnected(connection),
      {},
      CACHE_FRAME_LIMIT,
    );
    this.uploads = new Uploads({
      ...{ store, limits: () => this.limits, clock: ports.clock },
      onStored: (item) => this.tell(item),
      onDiskError: (error) => ports.trace({ part, event: 'disk failed', error: String(error) }),
    });
    this.services = new BoundedMap(ports.clock, SERVICES_LIMIT, SERVICE_AGE_MS, (service) => this.withdraw(service));
    this.signalling.handle('cacheServiceRequest', (body, context) => this.offer(body, context));
    this.streamSignalling.handle('keepAlive', (_, { peer, from }) => void this.serviceOf(peer, from));
    this.streamSignalling.handle('cacheStoreRequest', (body, context) => this.store(body, context));
    this.streamSignalling.handle('cacheTakeRequest', (body, context) => this.take(body, context));
  }

  /** What a CS before this one has left half done is removed, and from now on what is over. */
  async start(): Promise<void> {
    await this.options.store.discardParts();
    await this.sweep();
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.signalling.receive(datagram, from);
  }

  accept(stream: NodeStream): ConnectionEvents | undefined {
    return this.connections.accept(stream);
  }

  get limits(): CacheLimits {
    return this.currentLimits;
  }

  /** For what comes from now on; what is not said is as by default. */
  limit(limits: Partial<CacheLimits>): void {
    this.currentLimits = { ...defaultCacheLimits, ...limits };
  }

  /** 0 idle to 1 full, for reports. */
  get load(): number {
    return Math.min(1, this.usage.bytes / this.limits.totalBytes);
  }

  close(): void {
    this.sweepTimer?.cancel();
    this.connections.close();
    this.signalling.close();
    this.streamSignalling.close();
  }

  private receiveFrame(bytes: Uint8Array, connection: Connection): void {
    if (bytes[0] !== CHUNK_MAGIC) return this.streamSignalling.receive(bytes, connection);
    this.connections.heard(connection);
    if (!this.uploads.take(readChunk(bytes), connection)) connection.stream.close();
  }

  /** The same key again keeps the connection. */
  private offer({ fqdn, key, owner, receiver }: Body<'cacheServiceRequest'>, { peer }: Context<Endpoint>): Message {
    if (peer !== this.coordinator) throw new Refused('malformed');
    const shared = sharedKey(key, 1);
    let service = this.services.get(fqdn);
    if (!service || hex(service.peer.key.id) !== hex(shared.id)) {
      if (this.streamSignalling.holderOf(shared.id)) throw new Refused('malformed'); // one node has a key, not two
      this.services.delete(fqdn);
      const node = this.streamSignalling.addPeer({ key: shared, party: 'node', name: fqdn });
      service = { fqdn, peer: node, owner, receivers: new Set(), connection: undefined };
    }
    this.services.set(fqdn, service);
    if (receiver !== undefined) admit(service.receivers, receiver);
    const { itemBytes, ttlMs, maximumTtlMs } = this.limits;
    const endpoints = [...this.options.streamEndpoints];
    return { name: 'cacheServiceAck', body: { endpoints, limits: { itemBytes, ttlMs, maximumTtlMs } } };
  }

  private async store(body: Body<'cacheStoreRequest'>, { peer, from }: Context<Connection>): Promise<Message> {
    const service = this.serviceOf(peer, from);
    if (!service.receivers.has(body.receiver)) throw new Refused('not-registered'); // the DC has to say so first
    return { name: 'cacheStoreResponse', body: await this.uploads.ask(body, service, from) };
  }

  private async take(
    { boxes, finished, part }: Body<'cacheTakeRequest'>,
    { peer, from, afterAnswer }: Context<Connection>,
  ): Promise<Message> {
    const { fqdn } = this.serviceOf(peer, from);
    if (finished) await this.finish(fqdn, finished);
    const item = part ? await this.find(fqdn, part.number) : await this.next(fqdn, boxes);
    if (!item) return { name: 'cacheTakeResponse', body: { item: null } };
    const { number, sender, box, length, digest } = item;
    const offset = part?.offset ?? 0;
    const bytes = await this.options.store.part(number, offset);
    afterAnswer(() => {
      if (!bytes) return;
      for (const chunk of chunksOf(number, bytes, 0, bytes.length)) {
        from.stream.write(frame(writeChunk({ ...chunk, offset: offset + chunk.offset })));
      }
    });
    return { name: 'cacheTakeResponse', body: { item: { number, sender, box, length, digest } } };
  }

  private next(fqdn: string, boxes: readonly string[]): Promise<NumberedItem | undefined> {
    return this.options.store.next(fqdn, boxes, this.ports.clock.wallTimeMs());
  }

  private async find(fqdn: string, number: number): Promise<NumberedItem | undefined> {
    const item = await this.options.store.find(number);
    return item?.receiver === fqdn ? item : undefined;
  }

  /** Once: the receiver may say so again when it did not hear the answer. */
  private async finish(fqdn: string, { number, outcome }: { number: number; outcome: TakenOutcome }): Promise<void> {
    if (!(await this.find(fqdn, number))) return;
    await this.options.store.remove(number);
    this.count(outcome, 1);
    this.usage = await this.options.store.usage();
  }

  /** Whose connection it is. The newest one of a node counts. */
  private serviceOf(peer: Peer, connection: Connection): Service {
    const service = this.services.get(peer.name);
    if (service?.peer !== peer) throw new Refused('not-registered');
    if (connection.node && connection.node !== peer) throw new Refused('malformed');
    if (service.connection !== connection) {
      service.connection?.stream.close();
      service.connection = connection;
      this.connections.admit(connection, peer);
    } else this.connections.heard(connection);
    return service;
  }

  private tell({ receiver, length }: CachedItem): void {
    this.stored++;
    this.usage = { items: this.usage.items + 1, bytes: this.usage.bytes + length };
    const service = this.services.get(receiver);
    if (!service?.connection) return;
    this.streamSignalling.oneway(service.peer, service.connection, { name: 'cacheNotice', body: {} });
  }

  private disconnected(connection: Connection): void {
    this.uploads.ended(connection);
    const service = connection.node && this.services.get(connection.node.name);
    if (service?.connection === connection) service.connection = undefined;
  }

  private withdraw(service: Service): void {
    service.connection?.stream.close();
    this.streamSignalling.removePeer(service.peer);
  }

  private async sweep(): Promise<void> {
    const { store, name: part } = this.options;
    let expired = 0;
    try {
      expired = await store.expire(this.ports.clock.wallTimeMs(), EXPIRE_LIMIT);
      this.usage = await store.usage();
    } catch (error) {
      this.ports.trace({ part, event: 'disk failed', error: String(error) });
    }
    if (expired > 0) this.count('expired', expired);
    const delayMs = expired === EXPIRE_LIMIT ? 0 : EXPIRE_MS;
    this.sweepTimer = this.ports.timers.schedule(delayMs, () => void this.sweep());
  }

  private count(outcome: TakenOutcome | 'expired', times: number): void {
    this.ended.set(outcome, (this.ended.get(outcome) ?? 0) + times);
  }
}

/** The least recently announced one makes room. */
function admit(receivers: Set<string>, receiver: string): void {
  receivers.delete(receiver);
  receivers.add(receiver);
  if (receivers.size > RECEIVERS_LIMIT) receivers.delete(receivers.values().next().value!);
}
