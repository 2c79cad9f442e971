/**
 * The node of a preloaded program, made when it is first needed, or once the program's first lines have run: what a
 * node loads and computes is no part of a program's start then, and a program that ends at once never pays for it.
 * Until then names and addresses are classified, and listeners are noted.
 */
import type { Namespace } from './namespace';
import type { Node } from './node';
import { checkListener, type Listen } from './node-events';
import type {
  TcpConnection,
  TcpConnectOptions,
  TcpEvents,
  TcpListener,
  TcpListenOptions,
  UdpEvents,
  UdpFailure,
  UdpOpenOptions,
  UdpSocket,
} from './packet/stack/stack-contract';
import type { KnownNetwork, VirtualNetwork } from './virtual-network';
import type { Endpoint, VirtualAddresses } from './wire/addresses';

type OnConnection = (connection: TcpConnection) => void;

export class DeferredNode implements VirtualNetwork {
  private made: Node | undefined;
  private readonly noted: Noted[] = [];
  /** Listeners of before the node is made: how each is given to it. */
  private readonly listening = new Set<(node: Node) => void>();

  constructor(
    private readonly namespace: Namespace,
    /** Called once. */
    private readonly makeNode: () => Node,
    /** Calls back once the program's first lines have run. */
    private readonly later: (start: () => void) => void,
  ) {}

  /** Starts to join once the program's first lines have run. */
  startLater(): void {
    this.later(() => {
      if (this.made) return this.made.start();
      this.made = this.make();
      this.made.start();
      // The virtual stack takes a while to load, in which the account server may look at the password.
      this.later(() => this.listenToNoted(this.made!));
    });
  }

  known(): KnownNetwork {
    return this.namespace.known();
  }

  classifyName(name: string): 'virtual' | 'host' | 'undecided' {
    return this.namespace.classifyName(name);
  }

  whenDecided(): Promise<void> {
    return this.node.whenDecided();
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

  get addresses(): VirtualAddresses | undefined {
    return this.made?.addresses;
  }

  get loginError(): Error | undefined {
    return this.made?.loginError;
  }

  lookup(fqdn: string): Promise<VirtualAddresses> {
    return this.node.lookup(fqdn);
  }

  reach(address: string, correspondent?: 'perhaps silent'): Promise<void> | undefined {
    return this.node.reach(address, correspondent);
  }

  nameOf(address: string): string | undefined {
    return this.made?.nameOf(address);
  }

  connectTcp(options: TcpConnectOptions, events: TcpEvents): TcpConnection {
    return this.node.connectTcp(options, events);
  }

  /** A listener that cannot fail is noted. */
  listenTcp(options: TcpListenOptions, onConnection: OnConnection): TcpListener {
    if (this.mayFail(options, 'tcp')) return this.node.listenTcp(options, onConnection);
    return this.note(new NotedListener(options, onConnection));
  }

  /** As a listener. */
  openUdp(options: UdpOpenOptions, events: UdpEvents): UdpSocket {
    if (this.mayFail(options, 'udp')) return this.node.openUdp(options, events);
    return this.note(new NotedUdpSocket(options, events, () => this.node));
  }

  cacheDatagram(bytes: Uint8Array, sourcePort: number, to: Endpoint): Promise<void> | undefined {
    return this.node.cacheDatagram(bytes, sourcePort, to);
  }

  readonly on: Listen = (name, listener) => {
    checkListener(name, listener);
    if (this.made) return this.made.on(name, listener);
    let end: (() => void) | undefined;
    const begin = (node: Node): void => void (end = node.on(name, listener));
    this.listening.add(begin);
    return () => {
      this.listening.delete(begin);
      end?.();
    };
  };

  private make(): Node {
    const node = this.makeNode();
    for (const begin of this.listening) begin(node);
    this.listening.clear();
    return node;
  }

  private mayFail({ address, port }: Endpoint, protocol: Noted['protocol']): boolean {
    const certain = (address === '::' || address === '0.0.0.0') && port !== 0;
    const taken = this.noted.some((other) => other.protocol === protocol && other.local.port === port);
    return this.made !== undefined || !certain || taken;
  }

  private note<T extends Noted>(noted: T): T {
    if (this.noted.length === 0) this.startLater();
    this.noted.push(noted);
    return noted;
  }

  private get node(): Node {
    this.made ??= this.make();
    this.listenToNoted(this.made);
    return this.made;
  }

  private listenToNoted(node: Node): void {
    for (const noted of this.noted.splice(0)) noted.open(node);
  }
}

interface Noted {
  readonly protocol: 'tcp' | 'udp';
  readonly local: Endpoint;
  open(node: Node): void;
}

class NotedListener implements TcpListener, Noted {
  readonly protocol = 'tcp';
  readonly local: Endpoint;
  private listener: TcpListener | undefined;
  private closed = false;

  constructor(
    private readonly options: TcpListenOptions,
    private readonly onConnection: OnConnection,
  ) {
    this.local = { address: options.address, port: options.port };
  }

  open(node: Node): void {
    if (!this.closed) this.listener = node.listenTcp(this.options, this.onConnection);
  }

  close(): void {
    this.closed = true;
    this.listener?.close();
  }
}

class NotedUdpSocket implements UdpSocket, Noted {
  readonly protocol = 'udp';
  readonly local: Endpoint;
  private socket: UdpSocket | undefined;
  private closed = false;

  constructor(
    private readonly options: UdpOpenOptions,
    private readonly events: UdpEvents,
    /** Makes the node, which opens what is noted. */
    private readonly node: () => Node,
  ) {
    this.local = { address: options.address, port: options.port };
  }

  open(node: Node): void {
    if (!this.closed) this.socket ??= node.openUdp(this.options, this.events);
  }

  connect(remote: Endpoint): void {
    this.opened?.connect(remote);
  }

  disconnect(): void {
    this.opened?.disconnect();
  }

  send(bytes: Uint8Array, to?: Endpoint): UdpFailure | undefined {
    const socket = this.opened;
    return socket ? socket.send(bytes, to) : 'EBADF';
  }

  countOverflow(): void {
    this.socket?.countOverflow();
  }

  countUnsent(): void {
    this.socket?.countUnsent();
  }

  close(): void {
    this.closed = true;
    this.socket?.close();
  }

  private get opened(): UdpSocket | undefined {
    if (!this.closed) this.open(this.node());
    return this.socket;
  }
}
