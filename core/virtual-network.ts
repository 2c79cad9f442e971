/**
 * What the shim and the library need of a node: names, reachability, sockets (paper 3.2, the three APIs).
 * `node.ts` implements it; the shim's tests implement it in memory.
 */
import type { Listen } from './node-events';
import type {
  TcpConnection,
  TcpConnectOptions,
  TcpEvents,
  TcpListener,
  TcpListenOptions,
  UdpEvents,
  UdpOpenOptions,
  UdpSocket,
} from './packet/stack/stack-contract';
import type { Endpoint, VirtualAddresses } from './wire/addresses';

/** What classifies names and addresses. */
export interface KnownNetwork {
  readonly domains: readonly string[];
  /** CIDR blocks of virtual addresses. */
  readonly networks: readonly string[];
  /** Names of other suffixes are the host's. */
  readonly decided: boolean;
}

export interface VirtualNetwork {
  known(): KnownNetwork;
  /** `undecided` only until the network's suffixes are known, which needs one answer from the AS on a first start. */
  classifyName(name: string): 'virtual' | 'host' | 'undecided';
  /** Resolves when the network is known, or the AS did not answer in time: what is undecided then is the host's. Never rejects. */
  whenDecided(): Promise<void>;
  isVirtualAddress(address: string): boolean;
  /** An address that may be of the network: as long as this node has never joined, of whatever outcome. */
  isUndecidedAddress(address: string): boolean;
  /** Of the virtual network that this address is in, bits; undefined for other addresses. */
  prefixLengthOf(address: string): number | undefined;
  /** This node's own virtual addresses, once registered. */
  readonly addresses: VirtualAddresses | undefined;
  /**
   * Name resolution API: the addresses of a node, and the start of tunnel construction to it (Figure 5).
   * Resolves also for a known but absent node, to which `reach` then fails.
   * Rejects with NtmError: NTM_NO_SUCH_NAME, or why the network cannot be asked (login refused, DC away, ...).
   */
  lookup(fqdn: string): Promise<VirtualAddresses>;
  /** Why names fail now, if login failed; for the cause of a host lookup's error. */
  readonly loginError: Error | undefined;
  /**
   * Makes sure there is a tunnel to a virtual address. `undefined` when there is one: connect at once.
   * `perhaps silent`: what is sent there may have no answer, so that none does not mean that the node was restarted.
   * Rejects with NtmError: NTM_NODE_ABSENT, NTM_NODE_UNREACHABLE, NTM_NO_SUCH_NAME (nobody has this address), ...
   */
  reach(address: string, correspondent?: 'perhaps silent'): Promise<void> | undefined;
  /** The FQDN of the node that has this virtual address, if a tunnel to it was ever constructed. */
  nameOf(address: string): string | undefined;
  /** Throws StackError. Call `reach` first. */
  connectTcp(options: TcpConnectOptions, events: TcpEvents): TcpConnection;
  /** Works before login too: the listener is reachable once the node is registered. Throws StackError. */
  listenTcp(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener;
  /** Works before login too: what arrives once the node is registered is received. Throws StackError. */
  openUdp(options: UdpOpenOptions, events: UdpEvents): UdpSocket;
  /**
   * Stores a datagram at the cache server, for a node that is absent and gets it later. Resolves when it is stored;
   * undefined when datagrams for this port are not (NTMOBILE_CACHE). Not there in worker threads.
   */
  cacheDatagram?(bytes: Uint8Array, sourcePort: number, to: Endpoint): Promise<void> | undefined;
  /** Tells of handovers and routes. Not there in worker threads, and where the settings are wrong. */
  readonly on?: Listen;
}
