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
import { CacheServer, CACHE_WRITE_QUEUE_BYTES } from './cache/cache-server';
import type { PoolOptions } from './coordinator/address-pool';
import { CoordinatorServer } from './coordinator/coordinator';
import { coordinatorDns } from './coordinator/coordinator-dns';
import { openDns } from './coordinator/dns-host';
import { noNameServers } from './host-name-servers';
import { hostRelayMachine } from './host-relay';
import { hostMachine, openBoth, openServerStreams, type HostedMachine, type ServerSocket, type Watch } from './host';
import { openStreamListener } from './host-streams';
import { NetworkSettings, type ServerName } from './network-settings';
import { NotificationServer } from './notification/notification-server';
import type { RelayServer } from './relay/relay-server';
import { PolicyFile } from './policy-file';
import { Reporter } from './reporter';
import { accountServerFigures } from './serve/as';
import { cacheServerFigures } from './serve/cs';
import { coordinatorFigures } from './serve/dc';
import { notificationServerFigures } from './serve/ns';
import { relayServerFigures } from './serve/rs';
import { streamFigures } from './serve/streams';
import type { Figure } from './serve/served';
import type { ServerMachine, TrustedServer } from './server-ports';
import type { Coordinator, Store } from './store/store';

export interface EmbeddedNetworkOptions {
  readonly store: Store;
  readonly address: string;
  /** Default: the one of the store, or `ntm.internal`. */
  readonly zone?: string;
  /** Free ones unless given; the AS has its port of last time when that is free. */
  readonly ports: Partial<Record<'as' | 'dc' | 'dns' | 'ns' | 'rs' | 'cs', number>>;
  /** What each server does. */
  readonly watch: (server: ServerName) => Watch;
  /** A file: who may reach whom (coordinator/policy.ts). */
  readonly policy?: string;
  /** What a person should know. */
  readonly log?: (message: string) => void;
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
  /** Reads the policy again. */
  reload(): void;
  /** Datagrams, queries and connections dropped, by server and reason. */
  drops(): Record<string, Record<string, number>>;
  /** For metrics and logs, by server. */
  figures(): Record<ServerName, Figure[]>;
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
  private policy: PolicyFile | undefined;

  constructor(private readonly options: EmbeddedNetworkOptions) {
    this.settings = new NetworkSettings(options.store.settings, nodeRandom);
  }

  async start(): Promise<EmbeddedNetwork> {
    this.zone = await this.settings.decideZone(this.options.zone);
    const { zone } = this;
    const as = await this.startAccountServer();
    const dc = await this.startCoordinator(as.local);
    this.readPolicy(dc.machine);
    await as.machine.start();
    const dns = await this.startDns(dc.machine, { zone, ...(await this.addressBlocks()) });
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
          ['as logins', as.machine.refusals] as const,
          ['dns', dns.drops] as const,
          ['rs frames', rs.machine.paths.drops] as const,
          ...Object.entries({ as, dc, rs }).map(([name, { streams }]) => [`${name} tls`, streams.drops] as const),
          ['rs stun', rs.machine.stun.drops] as const,
          ['cs connections', cacheDrops(cs.machine)] as const,
          ['ns connections', new Map<string, number>([...connections.drops, ...streamSignalling.drops])] as const,
        ];
        return Object.fromEntries(counts.map(([name, drops]) => [name, Object.fromEntries(drops)]));
      },
      figures: () => ({
        as: [...accountServerFigures(as.machine), ...streamFigures(as.streams)],
        dc: [...coordinatorFigures(dc.machine, dns.server), ...streamFigures(dc.streams)],
        ns: notificationServerFigures(ns.machine),
        rs: [...relayServerFigures(rs.machine), ...streamFigures(rs.streams)],
        cs: cacheServerFigures(cs.machine),
      }),
      reload: () => this.policy?.reload(),
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
    await this.startStreams(hosted);
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
        {
          ...{ identity, ...blocks, zone, nameServers: noNameServers },
          ...{ assignments: store.assignments, sessions: store.sessions, nodeKeys: store.nodeKeys },
        },
        accountServer,
      ),
    );
    const { publicKey } = identity;
    await store.coordinators.put({ ...blocks, zone, fqdn: `dc.${zone}`, publicKey, endpoint: hosted.local });
    hosted.machine.streamEndpoints = await this.startStreams(hosted);
    return this.closedLater(hosted);
  }

  private async coordinatorMaker(
    options: Omit<ConstructorParameters<typeof CoordinatorServer>[0], 'accountServer' | 'servers'>,
    endpoint: Endpoint,
  ) {
    const accountServer = { ...(await this.trusted('as')), endpoint };
    const servers = [await this.trusted('ns'), await this.trusted('rs'), await this.trusted('cs')];
    return async (ports: ConstructorParameters<typeof CoordinatorServer>[1]) => {
      const coordinator = new CoordinatorServer({ ...options, accountServer, servers }, ports);
      await coordinator.restore();
      return coordinator;
    };
  }

  private readPolicy({ permissions }: CoordinatorServer): void {
    const { policy: path, log } = this.options;
    if (path === undefined) return;
    const onWrong = (reason: string): void => log?.(reason);
    const policy = new PolicyFile({ path, onPolicy: (each) => permissions.change(each), onWrong });
    this.policy = policy;
    this.closers.push(() => policy.close());
  }

  private async addressBlocks(): Promise<Pick<Coordinator, 'ipv4Block' | 'ipv6Prefix'>> {
    const { coordinators } = this.options.store;
    const known = await coordinators.find(this.zone);
    if (known) return { ipv4Block: known.ipv4Block, ipv6Prefix: known.ipv6Prefix };
    const blocks = await blocksFor(this.zone, await this.settings.globalId(), coordinators);
    if (!blocks) throw new NtmError('NTM_CONFIG', 'every block of virtual addresses has been given to a DC');
    return blocks;
  }

  private async startDns(machine: CoordinatorServer, pool: PoolOptions) {
    const { store, address, ports } = this.options;
    const serverNames = ['as', 'dc', 'ns', 'rs', 'cs'].map((server) => `${server}.${this.zone}`);
    const server = coordinatorDns(machine, {
      ...{ pool, assignments: store.assignments, clock: nodeClock, nameServers: [`dc.${this.zone}`] },
      servers: new Map(serverNames.map((name) => [name, [address]])),
    });
    const host = await openDns(server, this.at(ports.dns));
    this.closers.push(() => host.close());
    return { local: host.local, drops: server.drops, server };
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
    const { machine, local, ...hosted } = this.closedLater(
      await hostRelayMachine(this.at(this.options.ports.rs), this.options.watch('rs'), (endpoint) => ({
        ...options,
        endpoints: [endpoint],
      })),
    );
    machine.streamEndpoints = await this.startStreams({ local, ...hosted });
    await this.report('rs', machine, coordinatorEndpoint, [local], machine.streamEndpoints);
    return { machine, local, streams: hosted.streams };
  }

  private async startCacheServer(coordinatorEndpoint: Endpoint) {
    const { ports, watch, store } = this.options;
    const options = { ...(await this.reportingOptions('cs')), store: store.cachedItems };
    const { udp, tcp } = await openBoth(
      ports.cs ?? 0,
      (port) =>
        hostMachine(
          this.at(port),
          watch('cs'),
          (p, local) => new CacheServer({ ...options, streamEndpoints: [local] }, p),
        ),
      ({ machine, local }) => openServerStreams(local, (stream) => machine.accept(stream), CACHE_WRITE_QUEUE_BYTES),
    );
    this.closers.push(() => tcp.close());
    const { machine, local } = this.closedLater(udp);
    await machine.start();
    await this.report('cs', machine, coordinatorEndpoint, [tcp.local]);
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
    streams: readonly Endpoint[] = [],
  ): Promise<void> {
    const to = { peer: machine.coordinator, endpoint };
    const reporter = new Reporter(nodeTimers, machine.signalling, to, () => ({
      ...{ kind, load: machine.load, endpoints },
      ...(streams.length > 0 && { streams: [...streams] }),
    }));
    this.closers.push(() => reporter.stop());
    await reporter.start();
  }

  /** TLS on the TCP port of the same number: nodes without UDP find it by what they know of the AS. */
  private async startStreams({ local, streams }: Pick<HostedMachine<ServerMachine>, 'local' | 'streams'>) {
    try {
      const listener = await openStreamListener(local, streams, () => this.settings.certificate());
      this.closers.push(() => listener.close());
      return [listener.local];
    } catch (error) {
      this.options.log?.(`no TLS on TCP port ${local.port}, for nodes without UDP: ${(error as Error).message}`);
      return [];
    }
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

function cacheDrops({ connections, streamSignalling, uploads }: CacheServer): Map<string, number> {
  return new Map<string, number>([...connections.drops, ...streamSignalling.drops, ...uploads.drops]);
}
