/**
 * The node of a preloaded program, made when it is first needed, or once the program's first lines have run: what a
 * node loads and computes is no part of a program's start then, and a program that ends at once never pays for it.
 * Until then only names and addresses are classified.
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
import type { VirtualAddresses } from './wire/addresses';

export class DeferredNode implements VirtualNetwork {
  private made: Node | undefined;

  constructor(
    private readonly namespace: Namespace,
    /** Called once. */
    private readonly make: () => Node,
  ) {}

  /** Makes the node and starts to join, unless that was done. */
  start(): void {
    this.node.start();
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

  listenTcp(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener {
    return this.node.listenTcp(options, onConnection);
  }

  private get node(): Node {
    return (this.made ??= this.make());
  }
}
