/** `serve dc`: a direction coordinator with the DNS of its zone. Its blocks of addresses come from the AS, once. */
import { nodeClock, nodeRandom, nodeTimers } from '../../core/runtime-node';
import type { Timers } from '../../core/runtime';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import { Refused } from '../../core/wire/outcomes';
import { Signalling } from '../../core/wire/signalling';
import { NtmError } from '../../core/errors';
import { CoordinatorServer } from '../coordinator/coordinator';
import { coordinatorZone } from '../coordinator/coordinator-zone';
import { openDns, type DnsHost } from '../coordinator/dns-host';
import { DnsServer } from '../coordinator/dns-server';
import { hostMachine } from '../host';
import { hostNameServers } from '../host-name-servers';
import { RateLimit } from '../rate-limit';
import { openSqliteStore } from '../store/sqlite-store';
import type { Coordinator, Store } from '../store/store';
import { droppedFigures, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';

/** Names never seen that the DNS asks the AS about: 50 at once, 10 a second. */
const DNS_NAME_QUESTIONS = { burst: 50, refillMs: 100 };
const ASK_AGAIN_MS = 2_000;

type Blocks = Pick<Coordinator, 'ipv4Block' | 'ipv6Prefix'>;

export async function serveCoordinator(options: Settings<'dc'>, context: ServeContext): Promise<ServedServer> {
  const { dir, listen, zone, accountServer, servers } = options;
  const identity = serverKey(dir, nodeRandom);
  const store = openSqliteStore(dir);
  const as = {
    endpoint: { address: accountServer.host, port: accountServer.port },
    publicKey: accountServer.publicKey,
  };
  let reporter: AccountServerReport | undefined;
  let dns: DnsHost | undefined;
  try {
    const { machine, local, close } = await hostMachine(listen, context.trace, async (ports, local, meanwhile) => {
      const asking = new Signalling({ party: 'dc', part: `dc ${zone}`, identity, ...ports });
      meanwhile(asking);
      reporter = new AccountServerReport(asking, identity, as, local, context);
      const blocks = await blocksOf(store, zone, reporter);
      await store.coordinators.put({
        ...{ ...blocks, zone, fqdn: `dc.${zone}`, publicKey: identity.publicKey, endpoint: local },
      });
      const trusted = servers.map(({ kind, name, key }) => ({ party: kind, name: `${name}.${zone}`, publicKey: key }));
      return new CoordinatorServer(
        {
          ...{ identity, zone, ...blocks, assignments: store.assignments, nodeKeys: store.nodeKeys, servers: trusted },
          accountServer: { party: 'as', name: 'as', ...as },
          nameServers: hostNameServers(options.resolver),
        },
        ports,
      );
    });
    reporter?.moveTo(machine.signalling);
    const dnsServer = dnsOf(machine, zone, local.address, store);
    if (options.dns) dns = await openDns(dnsServer, options.dns);
    return {
      about: {
        [`directs the nodes of ${zone} on`]: formatEndpoint(local),
        ...(dns && { 'answers DNS on': formatEndpoint(dns.local) }),
      },
      figures: () => [
        { name: 'sessions', help: 'Nodes that have logged in', type: 'gauge', value: machine.registrations.size },
        ...droppedFigures({ signalling: machine.signalling.drops, dns: dnsServer.drops }),
      ],
      ailment: () => (reporter?.isAnswered ? undefined : 'the account server does not answer'),
      async close() {
        reporter?.stop();
        await dns?.close();
        await close();
        store.close();
      },
    };
  } catch (error) {
    reporter?.stop();
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

function dnsOf({ pool, names }: CoordinatorServer, zone: string, address: string, { assignments }: Store): DnsServer {
  const serial = Math.floor(nodeClock.wallTimeMs() / 1000);
  const nameQuestions = new RateLimit(nodeClock, DNS_NAME_QUESTIONS);
  const real = new Map([[`dc.${zone}`, address]]);
  return new DnsServer(coordinatorZone(zone, serial, real, { pool, names, assignments, nameQuestions }));
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
