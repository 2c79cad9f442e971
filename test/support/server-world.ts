/** All five servers as machines on an in-memory network, with accounts `alice`, `bob` and so on whose password is `right`. */
import type { TraceEvent } from '../../core/trace';
import type { Endpoint } from '../../core/wire/addresses';
import { FrameReader } from '../../core/wire/frames';
import { generateKeyPair } from '../../core/wire/keys';
import { AccountServer } from '../../servers/account/account-server';
import { CacheServer } from '../../servers/cache/cache-server';
import { CoordinatorServer } from '../../servers/coordinator/coordinator';
import type { NodeStream } from '../../servers/notification/connections';
import { NotificationServer } from '../../servers/notification/notification-server';
import { RelayServer } from '../../servers/relay/relay-server';
import { Reporter } from '../../servers/reporter';
import type { ServerMachine, ServerPorts, TrustedServer } from '../../servers/server-ports';
import { memoryStore } from './memory-store';
import { MemoryNetwork, settle } from './memory-datagrams';
import { SeededRandom, VirtualTime } from './virtual-time';

export const ZONE = 'ntm.test';
export const ports = {
  as: { address: '192.0.2.1', port: 1 },
  dc: { address: '192.0.2.1', port: 2 },
  ns: { address: '192.0.2.1', port: 3 },
  rs: { address: '192.0.2.1', port: 4 },
  cs: { address: '192.0.2.1', port: 5 },
};

export class ServerWorld {
  readonly time = new VirtualTime();
  readonly random = new SeededRandom(1);
  readonly network = new MemoryNetwork(this.time);
  readonly trace: TraceEvent[] = [];
  readonly store = memoryStore();
  readonly identities = { as: this.keys(), dc: this.keys(), ns: this.keys(), rs: this.keys(), cs: this.keys() };
  passwordsVerified = 0;
  /** How long a password takes to verify. */
  passwordMs = 0;
  readonly as: AccountServer;
  readonly dc: CoordinatorServer;
  readonly ns: NotificationServer;
  readonly rs: RelayServer;
  readonly cs: CacheServer;
  private readonly reporter: Reporter;

  private constructor() {
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
    const coordinator = {
      zone: ZONE,
      fqdn: `dc.${ZONE}`,
      publicKey: identities.dc.publicKey,
      ipv4Block: '198.18.0.0/19',
      ipv6Prefix: 'fd00:1:2:1::/64',
      endpoint: ports.dc,
    };
    void store.coordinators.put(coordinator);
    this.dc = this.attach(
      ports.dc,
      (serverPorts) =>
        new CoordinatorServer(
          {
            ...coordinator,
            identity: identities.dc,
            assignments: store.assignments,
            accountServer: { ...this.trusted('as'), endpoint: ports.as },
            servers: [this.trusted('ns'), this.trusted('rs'), this.trusted('cs')],
          },
          serverPorts,
        ),
    );
    this.ns = this.attach(
      ports.ns,
      (serverPorts) =>
        new NotificationServer(
          {
            identity: identities.ns,
            name: `ns.${ZONE}`,
            coordinator: this.trusted('dc'),
            streamEndpoints: [ports.ns],
          },
          serverPorts,
        ),
    );
    const reporting = (party: 'rs' | 'cs') => ({
      ...{ identity: identities[party], name: `${party}.${ZONE}`, coordinator: this.trusted('dc') },
    });
    this.rs = this.attach(ports.rs, (serverPorts) => new RelayServer(reporting('rs'), serverPorts));
    this.cs = this.attach(ports.cs, (serverPorts) => new CacheServer(reporting('cs'), serverPorts));
    const to = { peer: this.ns.coordinator, endpoint: ports.dc };
    this.reporter = new Reporter(this.time, this.ns.signalling, to, () => ({ kind: 'ns', load: 0.1, endpoints: [] }));
  }

  static async start({ withNotification = true } = {}): Promise<ServerWorld> {
    const world = new ServerWorld();
    for (const name of ['alice', 'bob', 'carol']) await world.store.accounts.put(name, 'hash of right', 0);
    await world.as.start();
    if (withNotification) await settle(world.time, world.reporter.start());
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

  /** A TCP connection to the NS. `undefined` when the NS refused it. */
  connect(
    onDatagram: (datagram: Uint8Array) => void,
    onEnd: () => void,
    sourceAddress: string,
  ): NodeStream | undefined {
    const reader = new FrameReader();
    let open = true;
    const end = (): void => {
      if (!open) return;
      open = false;
      this.time.schedule(1, () => {
        events?.ended();
        onEnd();
      });
    };
    const events = this.ns.accept({
      sourceAddress,
      write: (bytes) => void this.time.schedule(1, () => open && reader.read(bytes)?.forEach(onDatagram)),
      close: end,
    });
    if (!events) return undefined;
    const write = (bytes: Uint8Array): void => void this.time.schedule(1, () => open && events.bytes(bytes));
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
    this.reporter.stop();
    for (const machine of [this.as, this.dc, this.ns, this.rs, this.cs]) machine.close();
  }

  private verifyPassword(password: string, hash: string): Promise<boolean> {
    this.passwordsVerified++;
    const right = `hash of ${password}` === hash;
    if (this.passwordMs === 0) return Promise.resolve(right);
    return new Promise((resolve) => void this.time.schedule(this.passwordMs, () => resolve(right)));
  }

  private attach<M extends ServerMachine>(local: Endpoint, make: (serverPorts: ServerPorts) => M): M {
    const transmit = this.network.attach(local, (datagram, from) => machine.receive(datagram, from));
    const machine = make({ ...this.clockPorts, transmit });
    return machine;
  }

  private trusted(party: TrustedServer['party']): TrustedServer {
    return { party, name: `${party}.${ZONE}`, publicKey: this.identities[party].publicKey };
  }

  private keys() {
    return generateKeyPair(this.random);
  }
}
