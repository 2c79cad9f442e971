/** All five servers as machines on an in-memory network, with accounts `alice`, `bob` and so on whose password is `right`. */
import type { TraceEvent } from '../../core/trace';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { FrameReader } from '../../core/wire/frames';
import { generateKeyPair, type KeyPair } from '../../core/wire/keys';
import { AccountServer } from '../../servers/account/account-server';
import { CacheServer } from '../../servers/cache/cache-server';
import { CoordinatorServer } from '../../servers/coordinator/coordinator';
import type { NodeStream } from '../../servers/notification/connections';
import { NotificationServer, type NotificationServerOptions } from '../../servers/notification/notification-server';
import { RelayServer } from '../../servers/relay/relay-server';
import { Reporter } from '../../servers/reporter';
import type { NameServers, ServerMachine, ServerPorts, TrustedServer } from '../../servers/server-ports';
import type { Coordinator } from '../../servers/store/store';
import { memoryStore } from './memory-store';
import { MemoryNetwork, settle } from './memory-datagrams';
import { TlsListeners } from './tls-listeners';
import { SeededRandom, VirtualTime } from './virtual-time';

export const ZONE = 'ntm.test';
/** Of the second DC, when there is one; account `dora` is there. */
export const OTHER_ZONE = 'other.test';
export const ports = {
  as: { address: '192.0.2.1', port: 1 },
  dc: { address: '192.0.2.1', port: 2 },
  ns: { address: '192.0.2.1', port: 3 },
  rs: { address: '192.0.2.1', port: 4 },
  cs: { address: '192.0.2.1', port: 5 },
  rs2: { address: '192.0.2.1', port: 6 },
  dc2: { address: '192.0.2.2', port: 2 },
  ns2: { address: '192.0.2.2', port: 3 },
  spareNs: { address: '192.0.2.1', port: 7 },
  cs2: { address: '192.0.2.2', port: 5 },
};

export class ServerWorld {
  readonly time = new VirtualTime();
  readonly random = new SeededRandom(1);
  readonly network = new MemoryNetwork(this.time);
  readonly trace: TraceEvent[] = [];
  readonly store = memoryStore();
  readonly identities = { as: this.keys(), dc: this.keys(), ns: this.keys(), rs: this.keys(), cs: this.keys() };
  private readonly secondRelay = this.keys();
  private readonly spareNs = this.keys();
  readonly secondCache = this.keys();
  /** Of a TCP connection to an NS, one way. */
  streamLatencyMs = 1;
  /** Of a question to DNS, there and back. */
  dnsMs = 1;
  /** NS records and addresses of servers, by name. */
  readonly dns = new Map<string, readonly string[]>();
  readonly nameServers: NameServers = {
    of: (zone) => this.answer(`NS ${zone}`),
    addresses: (name) => this.answer(`A ${name}`),
  };
  /** By their TCP endpoint. */
  private readonly notificationServers = new Map<string, NotificationServer>();
  /** Of TCP: `refused`: no new connections; `stalled`: nothing arrives any more, and nobody is told. */
  streams: 'well' | 'refused' | 'stalled' = 'well';
  passwordsVerified = 0;
  /** How long a password takes to verify. */
  passwordMs = 0;
  readonly as: AccountServer;
  dc: CoordinatorServer;
  ns: NotificationServer;
  rs: RelayServer;
  cs: CacheServer;
  otherCs: CacheServer | undefined;
  private readonly more: ServerMachine[] = [];
  private readonly reporters: Reporter[] = [];
  /** Where AS, DC and RS take datagrams over TLS: on TCP ports of the same number. */
  readonly tls = new TlsListeners(this.time);

  private constructor(
    private readonly notificationOptions: Partial<NotificationServerOptions>,
    private readonly withTls: boolean,
  ) {
    const { store, identities } = this;
    this.as = this.attach(
      ports.as,
      (serverPorts) =>
        new AccountServer(
          {
            identity: identities.as,
            zone: ZONE,
            networks: ['198.18.0.0/15', 'fd00:1:2::/48'],
            store,
            verifyPassword: (password, hash) => this.verifyPassword(password, hash),
            decoyPasswordHash: 'of nothing',
          },
          serverPorts,
        ),
    );
    this.dc = this.startFirstCoordinator();
    this.ns = this.startFirstNotificationServer();
    this.rs = this.startRelay();
    this.cs = this.startCache();
  }

  /** `withRelay`, `withCache`: the RS or the CS reports itself too; `named`: nodes are told where the RS is. */
  static async start(
    options: {
      withNotification?: boolean;
      withRelay?: boolean | 'named';
      withCache?: boolean;
      withTls?: boolean;
      notification?: Partial<NotificationServerOptions>;
    } = {},
  ): Promise<ServerWorld> {
    const { withNotification = true, withRelay = false, withCache = false, notification = {} } = options;
    const world = new ServerWorld(notification, options.withTls ?? false);
    await world.ns.start();
    await world.store.settings.put('zone', Buffer.from(ZONE));
    for (const name of ['alice', 'bob', 'carol']) await world.store.accounts.put(name, 'hash of right', 0);
    await world.as.start();
    if (withNotification) await world.report('ns', world.ns);
    if (withRelay) await world.report('rs', world.rs, ports.dc, withRelay === 'named' ? [ports.rs] : []);
    if (withCache) {
      await settle(world.time, world.cs.start());
      await world.report('cs', world.cs);
    }
    world.trace.length = 0;
    return world;
  }

  get clockPorts() {
    return {
      clock: this.time,
      timers: this.time,
      random: this.random,
      trace: (event: TraceEvent) => void this.trace.push(event),
    };
  }

  /** A second DC with its NS and the account `dora`. */
  async startSecondZone(): Promise<{ dc: CoordinatorServer; ns: NotificationServer; publicKey: Uint8Array }> {
    const [identity, nsIdentity] = [this.keys(), this.keys()];
    const blocks = { ipv4Block: '198.18.32.0/19', ipv6Prefix: 'fd00:1:2:2::/64' };
    const trusted = { party: 'ns' as const, name: `ns.${OTHER_ZONE}`, publicKey: nsIdentity.publicKey };
    const dc = this.startCoordinator({ ...blocks, zone: OTHER_ZONE, identity, endpoint: ports.dc2 }, [
      trusted,
      { party: 'cs', name: `cs.${OTHER_ZONE}`, publicKey: this.secondCache.publicKey },
    ]);
    const coordinator = { party: 'dc' as const, name: `dc.${OTHER_ZONE}`, publicKey: identity.publicKey };
    const ns = this.startNotificationServer(trusted.name, nsIdentity, coordinator, ports.ns2);
    this.more.push(dc, ns);
    await this.as.start();
    await this.store.accounts.add('dora', 'hash of right', 0, OTHER_ZONE);
    await this.report('ns', ns, ports.dc2);
    return { dc, ns, publicKey: identity.publicKey };
  }

  /** A CS of the second zone, which has reported itself. */
  async startSecondCache(publicKey: Uint8Array): Promise<CacheServer> {
    const coordinator = { party: 'dc' as const, name: `dc.${OTHER_ZONE}`, publicKey };
    const options = { identity: this.secondCache, name: `cs.${OTHER_ZONE}`, coordinator, streamEndpoints: [ports.cs2] };
    const { cachedItems } = memoryStore();
    const cs = this.attach(ports.cs2, (p) => new CacheServer({ ...options, store: cachedItems }, p));
    this.more.push(cs);
    this.otherCs = cs;
    await this.report('cs', cs, ports.dc2);
    return cs;
  }

  /** The CS ends, and another process takes its place at once, with the same disk. */
  async restartCache(): Promise<void> {
    this.kill(this.cs, ports.cs);
    this.cs = this.startCache();
    await settle(this.time, this.cs.start());
    await this.report('cs', this.cs);
  }

  /** Another NS of the first zone, which has reported itself. */
  async startSpareNotificationServer(): Promise<NotificationServer> {
    const ns = this.startNotificationServer(`ns2.${ZONE}`, this.spareNs, this.trusted('dc'), ports.spareNs);
    this.more.push(ns);
    await this.report('ns', ns);
    return ns;
  }

  /** The NS ends, and another process takes its place, with the same store. */
  async restartNotificationServer(): Promise<void> {
    this.killNotificationServer(this.ns, ports.ns);
    this.ns = this.startFirstNotificationServer();
    await this.ns.start();
    await this.report('ns', this.ns);
  }

  /** As when its process is killed. */
  killNotificationServer(ns: NotificationServer, at: Endpoint): void {
    this.network.detach(at);
    this.notificationServers.delete(formatEndpoint(at));
    ns.close();
  }

  /** The reports of now, ahead of their time. */
  async tellLoad(): Promise<void> {
    for (const reporter of this.reporters) await settle(this.time, reporter.now());
  }

  /** A second RS, which has reported itself. */
  async startSecondRelay(): Promise<RelayServer> {
    const options = { identity: this.secondRelay, name: `rs2.${ZONE}`, coordinator: this.trusted('dc') };
    const rs = this.attach(ports.rs2, (p) => new RelayServer({ ...options, endpoints: [ports.rs2] }, p));
    this.more.push(rs);
    await this.report('rs', rs);
    return rs;
  }

  /** The first RS ends, and another process takes its place at once, which knows nothing of its paths. */
  async restartRelay(): Promise<void> {
    this.kill(this.rs, ports.rs);
    this.rs = this.startRelay();
    await this.report('rs', this.rs);
  }

  /**
   * The DC is killed, and another process takes its place at once, which has nothing but the store; `forgetful`: not
   * even its sessions.
   */
  async crashCoordinator(forgetful?: 'forgetful'): Promise<void> {
    this.network.detach(ports.dc);
    this.dc.signalling.close();
    this.dc = this.startFirstCoordinator(forgetful && memoryStore().sessions);
    await this.dc.restore();
  }

  /** A server is gone, as when its process is killed. */
  kill(server: ServerMachine, at: Endpoint): void {
    this.network.detach(at);
    this.tls.close(at);
    void server.close();
  }

  /** A TCP connection to the NS. `undefined` when it refused it. */
  connect(
    onDatagram: (datagram: Uint8Array) => void,
    onEnd: () => void,
    sourceAddress: string,
    to?: Endpoint,
  ): NodeStream | undefined {
    const reader = new FrameReader();
    return this.connectStream((bytes) => reader.read(bytes)?.forEach(onDatagram), onEnd, sourceAddress, to);
  }

  /** The same, of bytes, and to any server that takes connections. */
  connectStream(
    onBytes: (bytes: Uint8Array) => void,
    onEnd: () => void,
    sourceAddress: string,
    to: Endpoint = ports.ns,
  ): NodeStream | undefined {
    const server = this.streams === 'well' ? this.streamServerAt(to) : undefined;
    let open = true;
    const passes = (): boolean => open && this.streams !== 'stalled';
    const end = (): void => {
      if (!open) return;
      open = false;
      this.time.schedule(1, () => {
        events?.ended();
        onEnd();
      });
    };
    const events = server?.accept({
      sourceAddress,
      write: (bytes) => void this.time.schedule(this.streamLatencyMs, () => passes() && onBytes(bytes)),
      close: end,
    });
    if (!events) return undefined;
    const write = (bytes: Uint8Array): void =>
      void this.time.schedule(this.streamLatencyMs, () => passes() && events.bytes(bytes));
    return { sourceAddress, write, close: end };
  }

  /** The paper's steps in the order in which messages arrived. */
  steps(figure: 4 | 5): number[] {
    return this.trace
      .filter((event) => event.figure === figure && event.event === 'receive')
      .map((event) => event.step ?? 0);
  }

  /** The servers end; what they left behind is seen on the clock. */
  close(): void {
    for (const reporter of this.reporters) reporter.stop();
    for (const machine of [this.as, this.dc, this.ns, this.rs, this.cs, ...this.more]) void machine.close();
    this.tls.closeAll();
  }

  private streamServerAt(at: Endpoint) {
    if (at.port === ports.cs.port) return at.address === ports.cs2.address ? this.otherCs : this.cs;
    return this.notificationServers.get(formatEndpoint(at)) ?? this.tls.at(at);
  }

  private startCache(): CacheServer {
    const options = { ...this.reporting('cs'), store: this.store.cachedItems, streamEndpoints: [ports.cs] };
    return this.attach(ports.cs, (serverPorts) => new CacheServer(options, serverPorts));
  }

  private startFirstCoordinator(sessions = this.store.sessions): CoordinatorServer {
    const blocks = { ipv4Block: '198.18.0.0/19', ipv6Prefix: 'fd00:1:2:1::/64' };
    return this.startCoordinator(
      { ...blocks, zone: ZONE, identity: this.identities.dc, endpoint: ports.dc },
      [
        this.trusted('ns'),
        this.trusted('rs'),
        this.trusted('cs'),
        { party: 'rs', name: `rs2.${ZONE}`, publicKey: this.secondRelay.publicKey },
        { party: 'ns', name: `ns2.${ZONE}`, publicKey: this.spareNs.publicKey },
      ],
      sessions,
    );
  }

  private startRelay(): RelayServer {
    const options = { ...this.reporting('rs'), endpoints: [ports.rs] };
    const transmitFromOtherPort = this.network.sender({ ...ports.rs, port: 10_000 + ports.rs.port });
    return this.attach(ports.rs, (serverPorts) => new RelayServer(options, { ...serverPorts, transmitFromOtherPort }));
  }

  private reporting(party: 'rs' | 'cs') {
    return { identity: this.identities[party], name: `${party}.${ZONE}`, coordinator: this.trusted('dc') };
  }

  private startCoordinator(
    { identity, ...known }: Omit<Coordinator, 'fqdn' | 'publicKey'> & { identity: KeyPair },
    servers: TrustedServer[],
    sessions = this.store.sessions,
  ): CoordinatorServer {
    const { assignments, coordinators, nodeKeys } = this.store;
    const { publicKey } = identity;
    void coordinators.put({ ...known, fqdn: `dc.${known.zone}`, publicKey });
    const accountServer = { ...this.trusted('as'), endpoint: ports.as };
    const { nameServers } = this;
    const options = { ...known, identity, assignments, sessions, nodeKeys, accountServer, servers, nameServers };
    return this.attach(known.endpoint!, (serverPorts) => new CoordinatorServer(options, serverPorts));
  }

  private startFirstNotificationServer(): NotificationServer {
    return this.startNotificationServer(`ns.${ZONE}`, this.identities.ns, this.trusted('dc'), ports.ns);
  }

  private startNotificationServer(name: string, identity: KeyPair, coordinator: TrustedServer, at: Endpoint) {
    const options = { ...this.notificationOptions, identity, name, coordinator, streamEndpoints: [at] };
    const ns = this.attach(at, (serverPorts) => new NotificationServer(options, serverPorts));
    this.notificationServers.set(formatEndpoint(at), ns);
    return ns;
  }

  private async report(
    kind: 'ns' | 'rs' | 'cs',
    machine: NotificationServer | RelayServer | CacheServer,
    at = ports.dc,
    endpoints: readonly Endpoint[] = [],
  ): Promise<void> {
    const to = { peer: machine.coordinator, endpoint: at };
    const report = () => ({
      kind,
      load: machine.load,
      endpoints: [...endpoints],
      draining: 'draining' in machine && machine.draining,
    });
    const onRestart = (): void => void (machine instanceof NotificationServer && machine.coordinatorRestarted());
    const reporter = new Reporter(this.time, machine.signalling, to, report, onRestart);
    this.reporters.push(reporter);
    await settle(this.time, reporter.start());
  }

  private verifyPassword(password: string, hash: string): Promise<boolean> {
    this.passwordsVerified++;
    const right = `hash of ${password}` === hash;
    if (this.passwordMs === 0) return Promise.resolve(right);
    return new Promise((resolve) => void this.time.schedule(this.passwordMs, () => resolve(right)));
  }

  private attach<M extends ServerMachine>(local: Endpoint, make: (serverPorts: ServerPorts) => M): M {
    const receive = (datagram: Uint8Array, from: Endpoint): void => machine.receive(datagram, from);
    const byUdp = this.network.attach(local, receive);
    const streams = this.withTls ? this.tls.listen(local, receive) : undefined;
    const transmit: ServerPorts['transmit'] = (datagram, to) =>
      to.stream ? streams?.send(datagram, to) : byUdp(datagram, to);
    const machine = make({ ...this.clockPorts, transmit });
    if (streams && 'streamEndpoints' in machine) machine.streamEndpoints = [local];
    return machine;
  }

  private trusted(party: TrustedServer['party']): TrustedServer {
    return { party, name: `${party}.${ZONE}`, publicKey: this.identities[party].publicKey };
  }

  private answer(question: string): Promise<readonly string[]> {
    return new Promise((resolve) => void this.time.schedule(this.dnsMs, () => resolve(this.dns.get(question) ?? [])));
  }

  private keys() {
    return generateKeyPair(this.random);
  }
}
