/**
 * The connections and listeners of a stack, and what lwIP reports of them: queued while lwIP runs, delivered to the
 * owners when it has returned. So an owner may call anything from an event, and is never called from its own call.
 */
import { Connection } from './connection';
import type { Core } from './core';
import type { Endpoint } from '../../wire/addresses';
import { formatIp } from '../../wire/ip-text';
import type { Listener } from './listener';
import type { TcpEvents, TcpFailure } from './stack-contract';
import { Err, type TcpEvent, type TcpImports } from './tcp';

export class Reports {
  readonly listeners = new Map<number, Listener>();
  private readonly connections = new Map<number, Connection>();
  private readonly queue: TcpEvent[] = [];
  /** The first of the queue that was not delivered yet. */
  private head = 0;
  private lastId = 0;
  /** What a connection failed of when lwIP itself gives it up. */
  private givenUp: TcpFailure = 'ENOMEM';

  constructor(
    private readonly core: Core,
    private readonly onStalled: (connection: Connection) => void,
  ) {}

  readonly imports: TcpImports = {
    accepted: (listenerId, pcb) => {
      const listener = this.listeners.get(listenerId);
      const connection = this.adopt(this.nextId(), pcb, 'passively');
      if (listener) this.queue.push({ kind: 'accepted', connection, listener });
      return connection.id;
    },
    connected: (id) => {
      const connection = this.connections.get(id);
      if (!connection) return;
      connection.isAnswered = true;
      this.queue.push({ kind: 'connected', connection });
    },
    admits: (family, localPort) => {
      const { inbound, memory } = this.core;
      if (!inbound) return 1;
      const peer = [memory.bytes, memory.scratch, family === 4 ? 4 : 16] as const;
      if (inbound.admits('tcp', ...peer, localPort)) return 1;
      inbound.refused('tcp', ...peer, localPort);
      return 0;
    },
    received: (id, chain) => {
      const connection = this.connections.get(id);
      if (connection && chain === 0) this.queue.push({ kind: 'ended', connection });
      else if (connection) this.queue.push({ kind: 'received', connection, chain });
      else if (chain !== 0) this.core.wasm.pbuf_release(chain);
    },
    acknowledged: (id) => {
      const connection = this.connections.get(id);
      if (!connection || connection.acknowledgedQueued) return;
      connection.acknowledgedQueued = true;
      this.queue.push({ kind: 'acknowledged', connection });
    },
    stalled: (id) => {
      const connection = this.connections.get(id);
      if (connection) this.queue.push({ kind: 'stalled', connection });
    },
    finished: (id, error) => {
      const connection = this.connections.get(id);
      if (connection) this.finish(connection, error);
    },
  };

  get waiting(): boolean {
    return this.head < this.queue.length;
  }

  nextId(): number {
    this.lastId = (this.lastId % 0x7fffffff) + 1;
    return this.connections.has(this.lastId) || this.listeners.has(this.lastId) ? this.nextId() : this.lastId;
  }

  opened(id: number, pcb: number, events: TcpEvents): Connection {
    const connection = this.adopt(id, pcb, 'actively');
    connection.setEvents(events);
    return connection;
  }

  /** Within `work`, lwIP gives connections up for this reason. */
  givingUpMeans(reason: TcpFailure, work: () => void): void {
    this.givenUp = reason;
    try {
      work();
    } finally {
      this.givenUp = 'ENOMEM';
    }
  }

  /** No event follows. What is queued for it is dropped by deliver. */
  forget(ended: Connection | Listener): void {
    ended.pcb = 0;
    if (ended instanceof Connection) {
      ended.state = 'dead';
      this.connections.delete(ended.id);
    } else {
      this.listeners.delete(ended.id);
    }
  }

  forgetAll(): void {
    for (const ended of [...this.connections.values(), ...this.listeners.values()]) this.forget(ended);
    for (const event of this.queue.splice(this.head)) {
      if (event.kind === 'received') this.core.wasm.pbuf_release(event.chain);
    }
  }

  *connectionsTo(address: string): Iterable<Connection> {
    for (const connection of this.connections.values()) {
      if (connection.remote.address === address && connection.pcb !== 0) yield connection;
    }
  }

  /** An ICMP error about a connection that is not established; others it does not end (RFC 1122, 4.2.3.9). */
  refused(localPort: number, remote: Endpoint, reason: TcpFailure): void {
    for (const connection of this.connectionsTo(remote.address)) {
      const { local, state, pcb } = connection;
      if (state !== 'connecting' || local.port !== localPort || connection.remote.port !== remote.port) continue;
      this.givingUpMeans(reason, () => this.finish(connection, Err.ABRT));
      this.core.wasm.tcp_discard(pcb);
    }
  }

  /** Whoever is there will not answer. What is established may have its own opinion of that. */
  unreachable(address: string, reason: TcpFailure, cause: Error): void {
    for (const connection of this.connectionsTo(address)) {
      const { state, pcb } = connection;
      if (state !== 'connecting') continue;
      this.givingUpMeans(reason, () => this.finish(connection, Err.ABRT, cause));
      this.core.wasm.tcp_discard(pcb);
    }
  }

  /** See Stack.revoke. */
  revoke(address: string, isPermitted: ((localPort: number) => boolean) | undefined, cause?: Error): void {
    for (const connection of this.connectionsTo(address)) {
      const { local, pcb, opened } = connection;
      if (isPermitted && (opened === 'actively' || isPermitted(local.port))) continue;
      this.givingUpMeans('ECONNRESET', () => this.finish(connection, Err.ABRT, cause));
      this.core.wasm.tcp_discard(pcb);
    }
  }

  /** The instance of lwIP is lost with all that it held. */
  failAll(reason: TcpFailure): void {
    const rest = this.queue.splice(this.head).filter((event) => event.kind !== 'received');
    this.queue.push(...rest);
    for (const connection of this.connections.values()) {
      this.givingUpMeans(reason, () => this.finish(connection, Err.ABRT));
    }
  }

  /** When an owner throws, the rest stays queued. */
  deliver(): void {
    while (this.waiting) {
      const event = this.queue[this.head++];
      if (event) this.tell(event);
    }
    // Keeps the array's storage, which `length = 0` would give up after every packet.
    while (this.queue.length > 0) this.queue.pop();
    this.head = 0;
  }

  private adopt(id: number, pcb: number, opened: 'actively' | 'passively'): Connection {
    const { wasm } = this.core;
    const ports = wasm.tcp_endpoints(pcb);
    const length = wasm.tcp_family(pcb) === 4 ? 4 : 16;
    const local = { address: this.addressAt(0, length), port: ports & 0xffff };
    const remote = { address: this.addressAt(16, length), port: ports >>> 16 };
    const connection = new Connection(this.core, id, pcb, local, remote, opened);
    this.connections.set(id, connection);
    wasm.tcp_path_mtu(pcb, this.core.pathMtu(remote.address));
    return connection;
  }

  /** Of the scratch area. */
  private addressAt(offset: number, length: number): string {
    const { bytes, scratch } = this.core.memory;
    return formatIp(bytes.subarray(scratch + offset, scratch + offset + length));
  }

  private finish(connection: Connection, error: number, cause?: Error): void {
    this.connections.delete(connection.id);
    connection.pcb = 0;
    connection.state = 'finished';
    if (error === Err.OK) this.queue.push({ kind: 'closed', connection });
    else if (error === Err.RST) {
      this.queue.push({ kind: 'failed', connection, reason: connection.isAnswered ? 'ECONNRESET' : 'ECONNREFUSED' });
    } else this.queue.push({ kind: 'failed', connection, reason: this.givenUp, ...(cause && { cause }) });
  }

  private tell(event: TcpEvent): void {
    const { connection } = event;
    if (event.kind === 'received') return this.hand(connection, event.chain);
    if (connection.state === 'dead') return;
    switch (event.kind) {
      case 'accepted':
        return this.introduce(connection, event.listener);
      case 'connected':
        return connection.establish();
      case 'ended':
        return connection.events?.ended();
      case 'acknowledged':
        connection.acknowledgedQueued = false;
        return connection.events?.drained();
      case 'stalled':
        return this.onStalled(connection);
      case 'closed':
        connection.state = 'dead';
        return connection.events?.closed();
      case 'failed':
        connection.state = 'dead';
        return connection.events?.failed(event.reason, event.cause);
      default:
        return event satisfies never;
    }
  }

  private introduce(connection: Connection, listener: Listener): void {
    if (listener.pcb === 0) {
      connection.abort();
      return;
    }
    listener.onConnection(connection);
    if (connection.events || isDead(connection)) return;
    connection.abort();
    throw new Error('onConnection must call setEvents before it returns');
  }

  /** lwIP joins segments that came out of order into one chain. */
  private hand(connection: Connection, chain: number): void {
    const { wasm, memory } = this.core;
    try {
      for (let pbuf = chain; pbuf !== 0 && !isDead(connection); pbuf = wasm.pbuf_next(pbuf)) {
        const payload = wasm.pbuf_payload(pbuf) >>> 0;
        const length = wasm.pbuf_length(pbuf);
        if (length > 0) connection.events?.received(memory.bytes.subarray(payload, payload + length));
      }
    } finally {
      wasm.pbuf_release(chain);
    }
  }
}

/** Owners may have ended it meanwhile, which the compiler does not see. */
function isDead(connection: Connection): boolean {
  return connection.state === 'dead';
}
