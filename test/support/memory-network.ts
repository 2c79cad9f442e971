/**
 * A VirtualNetwork in memory, for the shim's tests. This process is node a.test.ntm; b.test.ntm is looped to it too,
 * so that a client and a server in one process talk by name.
 *
 * | name | what it stands for |
 * | --- | --- |
 * | absent.test.ntm | known, but not registered |
 * | far.test.ntm | reached after 400 ms: a slow first tunnel construction |
 * | silent.test.ntm | never reached |
 * | late.example | undecided at first, then virtual: node b |
 * | host.late.example | undecided at first, then the host's |
 * | anything else under test.ntm | no such name |
 */
import { NtmError } from '../../core/errors';
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
} from '../../core/packet/stack/stack-contract';
import type { KnownNetwork, VirtualNetwork } from '../../core/virtual-network';
import type { VirtualAddresses } from '../../core/wire/addresses';
import { MemoryConnection, MemoryLink } from './memory-tcp';
import { MemoryUdp } from './memory-udp';

const own: VirtualAddresses = { ipv4: '198.18.0.1', ipv6: 'fd00:6e74::1' };
const nodeB: VirtualAddresses = { ipv4: '198.18.0.2', ipv6: 'fd00:6e74::2' };
const nodes = new Map<string, VirtualAddresses>([
  ['a.test.ntm', own],
  ['b.test.ntm', nodeB],
  ['late.example', nodeB],
  ['absent.test.ntm', { ipv4: '198.18.0.9', ipv6: 'fd00:6e74::9' }],
  ['far.test.ntm', { ipv4: '198.18.0.3', ipv6: 'fd00:6e74::3' }],
  ['silent.test.ntm', { ipv4: '198.18.0.8', ipv6: 'fd00:6e74::8' }],
]);
const FAR_DELAY_MS = 400;
const DECIDED_AFTER_MS = 100;

interface Listening {
  readonly address: string;
  readonly port: number;
  readonly ipv6Only: boolean;
  accept(connection: TcpConnection): void;
}

export class MemoryNetwork implements VirtualNetwork {
  readonly addresses = own;
  loginError: Error | undefined;
  /** Calls that stand for work or traffic in the virtual network; 0 when only the host was used. */
  calls = 0;
  /** Set to false by a test of a first start: it joins once somebody waits for it, unless login fails. */
  joined = true;
  readonly connections = new Set<MemoryConnection>();
  /** Fails every lookup, as when the network cannot be asked. */
  lookupFailure: NtmError | undefined;
  readonly #link = new MemoryLink();
  readonly udp = new MemoryUdp(this.#link, own, nodeB);
  readonly #listening = new Set<Listening>();
  #ephemeralPort = 49_152;
  #decided: Promise<void> | undefined;
  #isDecided = false;
  #farReached = false;

  known(): KnownNetwork {
    const networks = this.joined ? ['198.18.0.0/15', 'fd00:6e74::/64'] : [];
    return { domains: ['test.ntm', ...(this.#isDecided ? ['example'] : [])], networks, decided: this.#isDecided };
  }

  classifyName(name: string): 'virtual' | 'host' | 'undecided' {
    if (name.endsWith('.test.ntm')) return 'virtual';
    if (!name.endsWith('late.example')) return 'host';
    if (!this.#isDecided) return 'undecided';
    return name === 'late.example' ? 'virtual' : 'host';
  }

  whenDecided(): Promise<void> {
    return (this.#decided ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#isDecided = true;
        this.joined ||= !this.loginError;
        resolve();
      }, DECIDED_AFTER_MS).unref();
    }));
  }

  isVirtualAddress(address: string): boolean {
    return this.joined && (/^198\.1[89]\./.test(address) || address.startsWith('fd00:6e74:'));
  }

  /** Also 127.9.*, where a test may have a server of the host. */
  isUndecidedAddress(address: string): boolean {
    return !this.joined && /^198\.1[89]\.|^fd00:6e74:|^127\.9\./.test(address);
  }

  prefixLengthOf(address: string): number | undefined {
    if (!this.isVirtualAddress(address)) return undefined;
    return address.includes(':') ? 64 : 15;
  }

  async lookup(fqdn: string): Promise<VirtualAddresses> {
    this.calls++;
    await new Promise<void>((resolve) => this.#link.send(resolve));
    if (this.lookupFailure) throw this.lookupFailure;
    const found = nodes.get(fqdn);
    if (!found) throw new NtmError('NTM_NO_SUCH_NAME', `no account owns ${fqdn}`);
    return found;
  }

  reach(address: string): Promise<void> | undefined {
    this.calls++;
    const name = this.nameOf(address);
    if (name === undefined) return this.#reject(new NtmError('NTM_NO_SUCH_NAME', `nobody has ${address}`));
    if (name === 'absent.test.ntm') return this.#reject(new NtmError('NTM_NODE_ABSENT', `${name} is not registered`));
    if (name === 'silent.test.ntm') return new Promise(() => {});
    if (name !== 'far.test.ntm' || this.#farReached) return undefined;
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#farReached = true;
        resolve();
      }, FAR_DELAY_MS).unref();
    });
  }

  async #reject(reason: NtmError): Promise<void> {
    await new Promise<void>((resolve) => this.#link.send(resolve));
    throw reason;
  }

  nameOf(address: string): string | undefined {
    for (const [name, { ipv4, ipv6 }] of nodes) if (address === ipv4 || address === ipv6) return name;
    return undefined;
  }

  connectTcp(options: TcpConnectOptions, events: TcpEvents): TcpConnection {
    this.calls++;
    const { remote } = options;
    const source = remote.address.includes(':') ? own.ipv6 : own.ipv4;
    const local = { address: options.local?.address ?? source, port: options.local?.port || this.#ephemeralPort++ };
    if (local.address !== source) throw stackError('EADDRNOTAVAIL');
    const onDead = (connection: MemoryConnection): void => void this.connections.delete(connection);
    const client = new MemoryConnection(this.#link, local, remote, onDead);
    this.connections.add(client);
    client.setEvents(events);
    this.#link.send(() => {
      const listening = [...this.#listening].find((candidate) => matches(candidate, remote.address, remote.port));
      if (!listening) return client.fail('ECONNREFUSED');
      const server = new MemoryConnection(this.#link, remote, local, onDead);
      this.connections.add(server);
      client.peer = server;
      server.peer = client;
      this.#link.send(() => client.establish());
      listening.accept(server);
    });
    return client;
  }

  listenTcp(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener {
    this.calls++;
    const { address, ipv6Only = false } = options;
    const wildcard = address === '::' || address === '0.0.0.0';
    if (!wildcard && address !== own.ipv4 && address !== own.ipv6) throw stackError('EADDRNOTAVAIL');
    const port = options.port || this.#ephemeralPort++;
    if ([...this.#listening].some((other) => other.port === port)) throw stackError('EADDRINUSE');
    const listening = { address, port, ipv6Only, accept: onConnection };
    this.#listening.add(listening);
    return { local: { address, port }, close: () => void this.#listening.delete(listening) };
  }

  openUdp(options: UdpOpenOptions, events: UdpEvents): UdpSocket {
    this.calls++;
    return this.udp.open(options, events);
  }

  get listenerCount(): number {
    return this.#listening.size;
  }
}

function matches(listening: Listening, address: string, port: number): boolean {
  if (listening.port !== port) return false;
  if (listening.address === '::') return !listening.ipv6Only || address.includes(':');
  if (listening.address === '0.0.0.0') return !address.includes(':');
  return listening.address === address;
}

function stackError(code: StackError['code']): StackError {
  return Object.assign(new Error(code), { code });
}
