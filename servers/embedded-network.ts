/**
 * A whole NTMobile network in one process with embedded storage, as `ntmobile up` runs it: AS, DC with its DNS, NS, RS
 * and CS. They talk over real sockets like servers on five machines; only the keys they trust come from one store.
 */
import { NtmError } from '../core/errors';
import { formatJoinUrl } from '../core/join-url';
import { nodeClock, nodeRandom, nodeTimers } from '../core/runtime-node';
import type { Endpoint } from '../core/wire/addresses';
import { AccountServer } from './account/account-server';
import { blocksFor, IPV4_NETWORK, ulaNetwork } from './account/address-blocks';
import { decoyPasswordHash, verifyPassword } from './account/password';
import { CacheServer } from './cache/cache-server';
import { CoordinatorServer } from './coordinator/coordinator';
import { coordinatorZone } from './coordinator/coordinator-zone';
import { openDns } from './coordinator/dns-host';
import { DnsServer } from './coordinator/dns-server';
import { noNameServers } from './host-name-servers';
import { hostMachine, openBoth, openServerStreams, type ServerSocket, type Watch } from './host';
import { NetworkSettings, type ServerName } from './network-settings';
import { NotificationServer } from './notification/notification-server';
import { RelayServer } from './relay/relay-server';
import { RateLimit } from './rate-limit';
import { Reporter } from './reporter';
import type { TrustedServer } from './server-ports';
import type { Coordinator, Store } from './store/store';

/** Names never seen that the DNS asks the AS about: 50 at once, 10 a second. */
const DNS_NAME_QUESTIONS = { burst: 50, refillMs: 100 };

export interface EmbeddedNetworkOptions {
  readonly store: Store;
  readonly address: string;
  /** Default: the one of the store, or `ntm.internal`. */
  readonly zone?: string;
  /** Free ones unless given; the AS has its port of last time when that is free. */
  readonly ports: Partial<Record<'as' | 'dc' | 'dns' | 'ns' | 'rs' | 'cs', number>>;
  /** What each server does. */
  readonly watch: (server: ServerName) => Watch;
}

export interface EmbeddedNetwork {
  /** NTMOBILE_AS. */
  readonly joinUrl: string;
  readonly zone: string;
  readonly servers: {
    readonly as: Endpoint;
    readonly dc: Endpoint;
    readonly dns: Endpoint;
    /** UDP for the DC, TCP for nodes, on one port. */
    readonly ns: Endpoint;
    readonly rs: Endpoint;
    readonly cs: Endpoint;
  };
  /** Datagrams, queries and connections dropped, by server and reason. */
  drops(): Record<string, Record<string, number>>;
  close(): Promise<void>;
}

export async function startEmbeddedNetwork(options: EmbeddedNetworkOptions): Promise<EmbeddedNetwork> {
  const network = new StartingNetwork(options);
  try {
    return await network.start();
  } catch (error) {
    await network.close();
    throw error;
  }
}

class StartingNetwork {
  private readonly settings: NetworkSettings;
  private readonly closers: (() => unknown)[] = [];
  private zone = '';

  constructor(private readonly options: EmbeddedNetworkOptions) {
    this.settings = new NetworkSettings(options.store.settings, nodeRandom);
  }

  async start(): Promise<EmbeddedNetwork> {
    this.zone = await this.settings.decideZone(this.options.zone);
    const { zone } = this;
    const as = await this.startAccountServer();
    const dc = await this.startCoordinator(as.local);
    await as.machine.start();
    const dns = await this.startDns(dc.machine);
    const ns = await this.startNotificationServer(dc.local);
    const rs = await this.startRelayServer(dc.local);
    const cs = await this.startCacheServer(dc.local);
    const { publicKey } = await this.settings.identity('as');
    return {
      joinUrl: formatJoinUrl({ host: as.local.address, port: as.local.port, publicKey, zone }),
      zone,
      servers: { as: as.local, dc: dc.local, dns: dns.local, ns: ns.local, rs: rs.local, cs: cs.local },
      drops: () => {
        const machines = { as: as.machine, dc: dc.machine, ns: ns.machine, rs: rs.machine, cs: cs.machine };
        const { connections, streamSignalling } = ns.machine;
        const counts = [
          ...Object.entries(machines).map(([name, { signalling }]) => [name, signalling.drops] as const),
          ['dns', dns.drops] as const,
          ['rs frames', rs.machine.paths.drops] as const,
          ['ns connections', new Map<string, number>([...connections.drops, ...streamSignalling.drops])] as const,
        ];
        return Object.fromEntries(counts.map(([name, drops]) => [name, Object.fromEntries(drops)]));
      },
      close: () => this.close(),
    };
  }

  async close(): Promise<void> {
    for (const close of this.closers.reverse()) await close();
    this.closers.length = 0;
  }

  private async startAccountServer() {
    const identity = await this.settings.identity('as');
    const networks = [IPV4_NETWORK, ulaNetwork(await this.settings.globalId())];
    const decoy = decoyPasswordHash(nodeRandom);
    const { store, watch } = this.options;
    const { zone } = this;
    const start = (port: number) =>
      hostMachine(
        this.at(port),
        watch('as'),
        (ports) =>
          new AccountServer({ identity, zone, networks, store, verifyPassword, decoyPasswordHash: decoy }, ports),
      );
    const hosted = await this.onUsualPort(start);
    await this.settings.keepAccountServerPort(hosted.local.port);
    return this.closedLater(hosted);
  }

  /** The port given, or the one of last time, so that a restart leaves the join URL as it was, or any. */
  private async onUsualPort<T>(start: (port: number) => Promise<T>): Promise<T> {
    const { as } = this.options.ports;
    if (as !== undefined) return start(as);
    const last = await this.settings.accountServerPort();
    return start(last ?? 0).catch((error: unknown) => {
      if (last === undefined) throw error;
      return start(0);
    });
  }

  private async startCoordinator(accountServer: Endpoint) {
    const { store, watch, ports } = this.options;
    const { zone } = this;
    const identity = await this.settings.identity('dc');
    const blocks = await this.addressBlocks();
    const hosted = await hostMachine(
      this.at(ports.dc),
      watch('dc'),
      await this.coordinatorMaker(
        { identity, ...blocks, zone, assignments: store.assignments, nameServers: noNameServers },
        accountServer,
      ),
    );
    const { publicKey } = identity;
    await store.coordinators.put({ ...blocks, zone, fqdn: `dc.${zone}`, publicKey, endpoint: hosted.local });
    return this.closedLater(hosted);
  }

  private async coordinatorMaker(
    options: Omit<ConstructorParameters<typeof CoordinatorServer>[0], 'accountServer' | 'servers'>,
    endpoint: Endpoint,
  ) {
    const accountServer = { ...(await this.trusted('as')), endpoint };
    const servers = [await this.trusted('ns'), await this.trusted('rs'), await this.trusted('cs')];
    return (ports: ConstructorParameters<typeof CoordinatorServer>[1]) =>
      new CoordinatorServer({ ...options, accountServer, servers }, ports);
  }

  private async addressBlocks(): Promise<Pick<Coordinator, 'ipv4Block' | 'ipv6Prefix'>> {
    const { coordinators } = this.options.store;
    const known = await coordinators.find(this.zone);
    if (known) return { ipv4Block: known.ipv4Block, ipv6Prefix: known.ipv6Prefix };
    const blocks = await blocksFor(this.zone, await this.settings.globalId(), coordinators);
    if (!blocks) throw new NtmError('NTM_CONFIG', 'every block of virtual addresses has been given to a DC');
    return blocks;
  }

  private async startDns({ pool, names }: CoordinatorServer) {
    const { store, address, ports } = this.options;
    const serverNames = ['as', 'dc', 'ns', 'rs', 'cs'].map((server) => `${server}.${this.zone}`);
    const servers = new Map(serverNames.map((name) => [name, address]));
    const serial = Math.floor(nodeClock.wallTimeMs() / 1000);
    const zone = coordinatorZone(this.zone, serial, servers, {
      ...{ pool, names, assignments: store.assignments },
      nameQuestions: new RateLimit(nodeClock, DNS_NAME_QUESTIONS),
    });
    const server = new DnsServer(zone);
    const host = await openDns(server, this.at(ports.dns));
    this.closers.push(() => host.close());
    return { local: host.local, drops: server.drops };
  }

  private async startNotificationServer(coordinatorEndpoint: Endpoint) {
    const { ports, watch } = this.options;
    const identity = await this.settings.identity('ns');
    const coordinator = await this.trusted('dc');
    const name = `ns.${this.zone}`;
    const { udp, tcp } = await openBoth(
      ports.ns ?? 0,
      (port) =>
        hostMachine(
          this.at(port),
          watch('ns'),
          // openBoth gives TCP the same port.
          (p, local) => new NotificationServer({ identity, name, coordinator, streamEndpoints: [local] }, p),
        ),
      ({ machine, local }) => openServerStreams(local, (stream) => machine.accept(stream)),
    );
    this.closers.push(() => tcp.close());
    const { machine, local } = this.closedLater(udp);
    await this.report('ns', machine, coordinatorEndpoint, [tcp.local]);
    return { machine, local };
  }

  private async startRelayServer(coordinatorEndpoint: Endpoint) {
    const options = await this.reportingOptions('rs');
    const { machine, local } = this.closedLater(
      await hostMachine(
        this.at(this.options.ports.rs),
        this.options.watch('rs'),
        (ports, endpoint) => new RelayServer({ ...options, endpoints: [endpoint] }, ports),
      ),
    );
    await this.report('rs', machine, coordinatorEndpoint, [local]);
    return { machine, local };
  }

  private async startCacheServer(coordinatorEndpoint: Endpoint) {
    const options = await this.reportingOptions('cs');
    const { machine, local } = this.closedLater(
      await hostMachine(
        this.at(this.options.ports.cs),
        this.options.watch('cs'),
        (ports) => new CacheServer(options, ports),
      ),
    );
    await this.report('cs', machine, coordinatorEndpoint, [local]);
    return { machine, local };
  }

  private async reportingOptions(kind: 'rs' | 'cs') {
    const identity = await this.settings.identity(kind);
    return { identity, name: `${kind}.${this.zone}`, coordinator: await this.trusted('dc') };
  }

  private async report(
    kind: 'ns' | 'rs' | 'cs',
    machine: NotificationServer | RelayServer | CacheServer,
    endpoint: Endpoint,
    endpoints: Endpoint[],
  ): Promise<void> {
    const to = { peer: machine.coordinator, endpoint };
    const reporter = new Reporter(nodeTimers, machine.signalling, to, () => ({ kind, load: machine.load, endpoints }));
    this.closers.push(() => reporter.stop());
    await reporter.start();
  }

  private closedLater<T extends ServerSocket>(socket: T): T {
    this.closers.push(() => socket.close());
    return socket;
  }

  private async trusted(party: TrustedServer['party']): Promise<TrustedServer> {
    return { party, name: `${party}.${this.zone}`, publicKey: (await this.settings.identity(party)).publicKey };
  }

  private at(port = 0): Endpoint {
    return { address: this.options.address, port };
  }
}
