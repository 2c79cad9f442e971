/** In a worker thread: the network of the node that another thread has. See messages.ts. */
import { MessageChannel, receiveMessageOnPort, type MessagePort, type Transferable } from 'node:worker_threads';
import type { Namespace } from '../namespace';
import type {
  StackError,
  TcpConnection,
  TcpConnectOptions,
  TcpEvents,
  TcpListener,
  TcpListenOptions,
  UdpEvents,
  UdpOpenOptions,
  UdpSocket,
} from '../packet/stack/stack-contract';
import type { KnownNetwork, VirtualNetwork } from '../virtual-network';
import type { Endpoint, VirtualAddresses } from '../wire/addresses';
import {
  errorOf,
  type Answer,
  type Call,
  type NetworkState,
  type Opened,
  type ToNode,
  type ToThread,
} from './messages';
import { RemoteConnection } from './remote-connection';
import { RemoteDatagrams } from './remote-datagrams';

/** The node's thread may be waiting for this one: then a listener is taken to be there. */
const OPEN_LIMIT_MS = 2_000;
const NAMES_LIMIT = 1_024;

type OnConnection = (connection: TcpConnection) => void;

export class RemoteNetwork implements VirtualNetwork {
  addresses: VirtualAddresses | undefined;
  loginError: Error | undefined;
  private ids = 0;
  private readonly calls = new Map<number, (answer: Answer) => void>();
  private readonly connections = new Map<number, RemoteConnection>();
  private readonly listeners = new Map<number, OnConnection>();
  private readonly datagrams = new Map<number, RemoteDatagrams>();
  private readonly names = new Map<string, string>();

  constructor(
    private readonly port: MessagePort,
    private readonly namespace: Namespace,
    state: NetworkState,
  ) {
    this.learn(state);
    port.on('message', (message: ToThread) => this.take(message));
    port.unref(); // what waits for a message holds the loop
  }

  known(): KnownNetwork {
    return this.namespace.known();
  }

  classifyName(name: string): 'virtual' | 'host' | 'undecided' {
    return this.namespace.classifyName(name);
  }

  async whenDecided(): Promise<void> {
    await this.call({ op: 'when decided' });
    this.namespace.settle();
  }

  isVirtualAddress(address: string): boolean {
    return this.namespace.isVirtualAddress(address);
  }

  isUndecidedAddress(address: string): boolean {
    return this.namespace.isUndecidedAddress(address);
  }

  prefixLengthOf(address: string): number | undefined {
    return this.namespace.prefixLengthOf(address);
  }

  async lookup(fqdn: string): Promise<VirtualAddresses> {
    const answer = await this.call({ op: 'lookup', fqdn });
    return (answer as { addresses: VirtualAddresses }).addresses;
  }

  async reach(address: string, correspondent?: 'perhaps silent'): Promise<void> {
    const answer = await this.call({ op: 'reach', address, correspondent });
    this.remember(address, (answer as { name?: string }).name);
  }

  nameOf(address: string): string | undefined {
    return this.names.get(address);
  }

  connectTcp(options: TcpConnectOptions, events: TcpEvents): TcpConnection {
    const id = ++this.ids;
    const { remote } = options;
    const local = { address: remote.address.includes(':') ? '::' : '0.0.0.0', port: 0, ...options.local };
    const connection = this.connection(id, local, remote);
    connection.setEvents(events);
    this.post({ op: 'connect', id, options: { remote, ...(options.local && { local: options.local }) } });
    return connection;
  }

  listenTcp(options: TcpListenOptions, onConnection: OnConnection): TcpListener {
    const id = ++this.ids;
    this.listeners.set(id, onConnection);
    const close = (): void => {
      this.listeners.delete(id);
      this.post({ op: 'close listener', id });
    };
    try {
      return { local: this.open({ op: 'listen', id, options }), close };
    } catch (error) {
      this.listeners.delete(id);
      throw error;
    }
  }

  openUdp(options: UdpOpenOptions, events: UdpEvents): UdpSocket {
    const id = ++this.ids;
    const socket = new RemoteDatagrams(
      (request) => this.post({ op: 'udp', id, ...request }),
      () => this.datagrams.delete(id),
      events,
      this.open({ op: 'open udp', id, options }),
    );
    this.datagrams.set(id, socket);
    return socket;
  }

  private take(message: ToThread): void {
    switch (message.op) {
      case 'answer':
        if (message.state) this.learn(message.state);
        this.calls.get(message.id)?.(message.answer);
        return void this.calls.delete(message.id);
      case 'accepted': {
        const { local, remote, name } = message.ends;
        this.remember(remote.address, name);
        const onConnection = this.listeners.get(message.listener);
        const connection = this.connection(message.id, local, remote);
        return onConnection ? onConnection(connection) : connection.abort();
      }
      case 'tcp':
        if ('connected' in message) this.remember(message.connected.remote.address, message.connected.name);
        return this.connections.get(message.id)?.take(message);
      case 'udp':
        if ('received' in message) this.remember(message.from.address, message.name);
        return this.datagrams.get(message.id)?.take(message);
      default:
        return message satisfies never;
    }
  }

  private async call(call: Call): Promise<Answer> {
    const id = ++this.ids;
    const answered = new Promise<Answer>((resolve) => this.calls.set(id, resolve));
    this.post({ op: 'call', id, call });
    const answer = await answered;
    if ('error' in answer) throw errorOf(answer.error);
    return answer;
  }

  /** Node's listen() and bind() are over when they return: this thread sleeps until the other has done it. */
  private open(
    request:
      | { readonly op: 'listen'; readonly id: number; readonly options: TcpListenOptions }
      | { readonly op: 'open udp'; readonly id: number; readonly options: UdpOpenOptions },
  ): Endpoint {
    const { port1: near, port2: port } = new MessageChannel();
    const flag = new Int32Array(new SharedArrayBuffer(4));
    this.post({ ...request, reply: { port, flag } });
    Atomics.wait(flag, 0, 0, OPEN_LIMIT_MS);
    const opened = receiveMessageOnPort(near)?.message as Opened | undefined;
    near.close();
    const { address } = request.options;
    if (!opened) return { address, port: request.options.port };
    if ('local' in opened) return opened.local;
    throw Object.assign(new Error(opened.code), { code: opened.code as StackError['code'] });
  }

  private connection(id: number, local: Endpoint, remote: Endpoint): RemoteConnection {
    const connection = new RemoteConnection(
      (request) => this.post({ op: 'tcp', id, ...request }),
      () => this.connections.delete(id),
      local,
      remote,
    );
    this.connections.set(id, connection);
    return connection;
  }

  private learn({ domains, networks, decided, addresses, fqdn, loginError }: NetworkState): void {
    this.namespace.learn(domains, networks, decided);
    if (decided) this.namespace.settle();
    this.addresses = addresses;
    this.loginError = loginError && errorOf(loginError);
    if (addresses) for (const own of [addresses.ipv4, addresses.ipv6]) this.remember(own, fqdn);
  }

  private remember(address: string, name: string | undefined): void {
    if (name === undefined) return;
    if (this.names.size >= NAMES_LIMIT) this.names.clear();
    this.names.set(address, name);
  }

  private post(message: ToNode): void {
    const moved: Transferable[] = [];
    if ('reply' in message) moved.push(message.reply.port);
    if ('write' in message) moved.push(message.write.buffer as ArrayBuffer);
    if ('send' in message) moved.push(message.send.buffer as ArrayBuffer);
    this.port.postMessage(message, moved);
  }
}
