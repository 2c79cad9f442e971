/**
 * The node of a preloaded program, made when it is first needed, or once the program's first lines have run: what a
 * node loads and computes is no part of a program's start then, and a program that ends at once never pays for it.
 * Until then names and addresses are classified, and listeners are noted.
 */
import type { Namespace } from './namespace';
import type { Node } from './node';
import type {
  TcpConnection,
  TcpConnectOptions,
  TcpEvents,
  TcpListener,
  TcpListenOptions,
} from './packet/stack/stack-contract';
import type { VirtualNetwork } from './virtual-network';
import type { Endpoint, VirtualAddresses } from './wire/addresses';

type OnConnection = (connection: TcpConnection) => void;

export class DeferredNode implements VirtualNetwork {
  private made: Node | undefined;
  private readonly noted: NotedListener[] = [];

  constructor(
    private readonly namespace: Namespace,
    /** Called once. */
    private readonly make: () => Node,
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

  classifyName(name: string): 'virtual' | 'host' | 'undecided' {
    return this.namespace.classifyName(name);
  }

  whenDecided(): Promise<void> {
    return this.node.whenDecided();
  }

  isVirtualAddress(address: string): boolean {
    return this.namespace.isVirtualAddress(address);
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

  reach(address: string): Promise<void> | undefined {
    return this.node.reach(address);
  }

  nameOf(address: string): string | undefined {
    return this.made?.nameOf(address);
  }

  connectTcp(options: TcpConnectOptions, events: TcpEvents): TcpConnection {
    return this.node.connectTcp(options, events);
  }

  /** A listener that cannot fail is noted. */
  listenTcp(options: TcpListenOptions, onConnection: OnConnection): TcpListener {
    const { address, port } = options;
    const certain = (address === '::' || address === '0.0.0.0') && port !== 0;
    if (this.made || !certain || this.noted.some((other) => other.local.port === port)) {
      return this.node.listenTcp(options, onConnection);
    }
    if (this.noted.length === 0) this.startLater();
    const listener = new NotedListener(options, onConnection);
    this.noted.push(listener);
    return listener;
  }

  private get node(): Node {
    this.made ??= this.make();
    this.listenToNoted(this.made);
    return this.made;
  }

  private listenToNoted(node: Node): void {
    for (const listener of this.noted.splice(0)) listener.listen(node);
  }
}

class NotedListener implements TcpListener {
  readonly local: Endpoint;
  private listener: TcpListener | undefined;
  private closed = false;

  constructor(
    private readonly options: TcpListenOptions,
    private readonly onConnection: OnConnection,
  ) {
    this.local = { address: options.address, port: options.port };
  }

  listen(node: Node): void {
    if (!this.closed) this.listener = node.listenTcp(this.options, this.onConnection);
  }

  close(): void {
    this.closed = true;
    this.listener?.close();
  }
}
