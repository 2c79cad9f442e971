/** `serve dc`: a direction coordinator with the DNS of its zone. Its blocks of addresses come from the AS, once. */
import { nodeClock, nodeRandom, nodeTimers } from '../../core/runtime-node';
import type { Timers } from '../../core/runtime';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import { Refused } from '../../core/wire/outcomes';
import { Signalling } from '../../core/wire/signalling';
import { NtmError } from '../../core/errors';
import { CoordinatorServer } from '../coordinator/coordinator';
import { coordinatorDns } from '../coordinator/coordinator-dns';
import { openDns, type DnsHost } from '../coordinator/dns-host';
import type { DnsServer } from '../coordinator/dns-server';
import { hostMachine } from '../host';
import { hostNameServers } from '../host-name-servers';
import { openSqliteStore } from '../store/sqlite-store';
import type { Coordinator, Store } from '../store/store';
import { droppedFigures, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';

const ASK_AGAIN_MS = 2_000;

type Blocks = Pick<Coordinator, 'ipv4Block' | 'ipv6Prefix'>;

export async function serveCoordinator(options: Settings<'dc'>, context: ServeContext): Promise<ServedServer> {
  const { dir, listen, zone, accountServer, servers } = options;
  const dnsHosts: DnsHost[] = [];
  const identity = serverKey(dir, nodeRandom);
  const store = openSqliteStore(dir);
  const as = {
    endpoint: { address: accountServer.host, port: accountServer.port },
    publicKey: accountServer.publicKey,
  };
  let reporter: AccountServerReport | undefined;
  try {
    const { machine, local, close } = await hostMachine(listen, context.trace, async (ports, local, meanwhile) => {
      const asking = new Signalling({ party: 'dc', part: `dc ${zone}`, identity, ...ports });
      meanwhile(asking);
      reporter = new AccountServerReport(asking, identity, as, options.advertise?.[0] ?? local, context);
      const blocks = await blocksOf(store, zone, reporter);
      await store.coordinators.put({
        ...{ ...blocks, zone, fqdn: `dc.${zone}`, publicKey: identity.publicKey, endpoint: local },
      });
      const trusted = servers.map(({ kind, name, key }) => ({ party: kind, name: `${name}.${zone}`, publicKey: key }));
      const coordinator = new CoordinatorServer(
        {
          ...{ identity, zone, ...blocks, assignments: store.assignments, sessions: store.sessions, servers: trusted },
          accountServer: { party: 'as', name: 'as', ...as },
          nameServers: hostNameServers(options.resolver),
        },
        ports,
      );
      await coordinator.restore();
      return coordinator;
    });
    reporter?.moveTo(machine.signalling);
    const dnsServer = dnsOf(machine, options, local, (await store.coordinators.find(zone))!, store);
    for (const endpoint of options.dns ?? []) dnsHosts.push(await openDns(dnsServer, endpoint));
    return {
      about: {
        [`directs the nodes of ${zone} on`]: formatEndpoint(local),
        ...(dnsHosts.length > 0 && {
          'answers DNS on': dnsHosts.map((dns) => formatEndpoint(dns.local)).join(' and '),
        }),
      },
      figures: () => [
        { name: 'sessions', help: 'Nodes that have logged in', type: 'gauge', value: machine.registrations.size },
        ...droppedFigures({ signalling: machine.signalling.drops, dns: dnsServer.drops }),
      ],
      ailment: () =>
        machine.sessions.ailment ?? (reporter?.isAnswered ? undefined : 'the account server does not answer'),
      async close() {
        reporter?.stop();
        for (const dns of dnsHosts) await dns.close();
        await close();
        store.close();
      },
    };
  } catch (error) {
    reporter?.stop();
    for (const dns of dnsHosts) await dns.close();
    store.close();
    throw error;
  }
}

/** Those of an earlier start; the first time, of the AS, which must be there then. */
async function blocksOf(store: Store, zone: string, report: AccountServerReport): Promise<Blocks> {
  const known = await store.coordinators.find(zone);
  if (!known) return report.start();
  void report.start().catch(() => {}); // refused: it says so itself
  return known;
}

function dnsOf(
  machine: CoordinatorServer,
  { zone, listen, advertise, nameServers }: Settings<'dc'>,
  local: Endpoint,
  { ipv4Block, ipv6Prefix }: Blocks,
  { assignments }: Store,
): DnsServer {
  const own = advertise ?? [local, ...listen.slice(1)];
  const servers = new Map(nameServers.map(({ name, addresses }) => [name, addresses]));
  servers.set(`dc.${zone}`, [...new Set(own.map(({ address }) => address))]);
  return coordinatorDns(machine, {
    ...{ pool: { zone, ipv4Block, ipv6Prefix }, assignments, clock: nodeClock, servers },
    // A DC of another zone finds this one by its name among them (Figure 5 step 3).
    nameServers: [...new Set([`dc.${zone}`, ...servers.keys()])],
  });
}

/** Tells the AS where this DC is, until it has answered. */
class AccountServerReport {
  isAnswered = false;
  private stopped = false;
  private readonly timers: Timers = nodeTimers;

  constructor(
    private signalling: Signalling<Endpoint>,
    private readonly identity: KeyPair,
    private readonly as: { readonly endpoint: Endpoint; readonly publicKey: Uint8Array },
    private readonly local: Endpoint,
    private readonly context: ServeContext,
  ) {}

  /** From now on the machine's own, which has the same key. */
  moveTo(signalling: Signalling<Endpoint>): void {
    if (!this.isAnswered) this.signalling.close();
    this.signalling = signalling;
  }

  /** Rejects when the AS does not know this DC. */
  async start(): Promise<Blocks> {
    for (let told = false; ; told = true) {
      const answer = await this.ask();
      if (answer) return answer;
      if (this.stopped) throw new NtmError('NTM_CLOSED', 'stopped before the account server answered');
      if (!told) this.context.log('the account server does not answer yet', { at: formatEndpoint(this.as.endpoint) });
      await new Promise<void>((resolve) => void this.timers.schedule(ASK_AGAIN_MS, resolve));
    }
  }

  stop(): void {
    this.stopped = true;
  }

  private async ask(): Promise<Blocks | undefined> {
    const { signalling, identity, as, local } = this;
    const peer = signalling.addPeer({ key: agreedKey(identity, as.publicKey), party: 'as', name: 'as' });
    const message = { name: 'coordinatorReport', body: { endpoint: local } } as const;
    try {
      const answer = await signalling.request(peer, as.endpoint, message);
      if (answer.name !== 'coordinatorReportAck') return undefined;
      this.isAnswered = true;
      return answer.body;
    } catch (error) {
      if (!(error instanceof Refused)) return undefined;
      throw new NtmError('NTM_CONFIG', 'the account server knows no coordinator of this zone with this key');
    }
  }
}
