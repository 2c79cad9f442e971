/** Beside the node: does what a worker thread asks of the network, and tells it what comes of that. See messages.ts. */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { TcpConnection, TcpListener } from '../packet/stack/stack-contract';
import type { VirtualNetwork } from '../virtual-network';
import type { Endpoint } from '../wire/addresses';
import { HostedConnection } from './hosted-connection';
import { HostedDatagrams } from './hosted-datagrams';
import {
  plainError,
  type Answer,
  type Call,
  type NetworkState,
  type Opened,
  type Reply,
  type ToNode,
  type ToThread,
} from './messages';

export function stateOf(network: VirtualNetwork): NetworkState {
  const { addresses, loginError } = network;
  return {
    ...network.known(),
    addresses,
    fqdn: addresses && network.nameOf(addresses.ipv4),
    loginError: loginError && plainError(loginError),
  };
}

/** Ends when the worker does, or closes the port; its connections are reset then, as a killed process's are. */
export class NetworkHost {
  private readonly listeners = new Map<number, TcpListener>();
  private readonly connections = new Map<number, HostedConnection>();
  private readonly datagrams = new Map<number, HostedDatagrams>();
  private accepted = 0;
  private told: string;

  constructor(
    private readonly network: VirtualNetwork,
    private readonly port: MessagePort,
    /** What the worker was given at its start. */
    state: NetworkState,
  ) {
    this.told = JSON.stringify(state);
    port.on('message', (message: ToNode) => this.take(message));
    port.on('close', () => this.close());
    port.unref();
  }

  /** The worker has ended: what it has said last is done before anybody hears of that. */
  ended(): void {
    for (let last = receiveMessageOnPort(this.port); last; last = receiveMessageOnPort(this.port)) {
      this.take(last.message as ToNode);
    }
    this.close();
  }

  private take(message: ToNode): void {
    const { id } = message;
    switch (message.op) {
      case 'call':
        return void this.answer(id, message.call);
      case 'connect':
        return this.host(id).connect((events) => this.network.connectTcp(message.options, events));
      case 'tcp':
        return this.connections.get(id)?.take(message);
      case 'listen':
        return reply(message.reply, () => {
          const listener = this.network.listenTcp(message.options, (connection) => this.accept(id, connection));
          this.listeners.set(id, listener);
          return listener.local;
        });
      case 'close listener':
        this.listeners.get(id)?.close();
        return void this.listeners.delete(id);
      case 'open udp':
        return reply(message.reply, () => {
          const hosted = new HostedDatagrams((event) => this.post({ op: 'udp', id, ...event }), this.network);
          const local = hosted.open(message.options);
          this.datagrams.set(id, hosted);
          return local;
        });
      case 'udp':
        this.datagrams.get(id)?.take(message);
        if ('close' in message) this.datagrams.delete(id);
        return;
      default:
        return message satisfies never;
    }
  }

  private async answer(id: number, call: Call): Promise<void> {
    const answer = await this.called(call).catch((error: unknown): Answer => ({ error: plainError(error) }));
    const state = stateOf(this.network);
    const isNews = JSON.stringify(state) !== this.told;
    if (isNews) this.told = JSON.stringify(state);
    this.post({ op: 'answer', id, answer, state: isNews ? state : undefined });
  }

  private async called(call: Call): Promise<Answer> {
    switch (call.op) {
      case 'when decided':
        await this.network.whenDecided();
        return {};
      case 'lookup':
        return { addresses: await this.network.lookup(call.fqdn) };
      case 'reach':
        await this.network.reach(call.address, call.correspondent);
        return { name: this.network.nameOf(call.address) };
      default:
        return call satisfies never;
    }
  }

  private accept(listener: number, connection: TcpConnection): void {
    const id = -++this.accepted;
    const { local, remote } = connection;
    const name = this.network.nameOf(remote.address);
    this.post({ op: 'accepted', id, listener, ends: { local, remote, name } });
    this.host(id).accept(connection);
  }

  private host(id: number): HostedConnection {
    const hosted = new HostedConnection(
      (event) => this.post({ op: 'tcp', id, ...event }),
      () => this.connections.delete(id),
      this.network,
    );
    this.connections.set(id, hosted);
    return hosted;
  }

  private post(message: ToThread): void {
    const moved = 'received' in message ? [message.received.buffer as ArrayBuffer] : [];
    this.port.postMessage(message, moved);
  }

  private close(): void {
    for (const listener of this.listeners.values()) listener.close();
    for (const connection of this.connections.values()) connection.take({ abort: true });
    for (const socket of this.datagrams.values()) socket.take({ close: true });
    for (const ended of [this.listeners, this.connections, this.datagrams]) ended.clear();
  }
}

/** The worker sleeps until it is there. */
function reply({ port, flag }: Reply, open: () => Endpoint): void {
  let opened: Opened;
  try {
    opened = { local: open() };
  } catch (error) {
    opened = { code: (error as { code?: string }).code ?? 'EADDRNOTAVAIL' };
  }
  port.postMessage(opened);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}
