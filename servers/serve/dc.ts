/** `serve dc`: a direction coordinator with the DNS of its zone. Its blocks of addresses come from the AS, once. */
import { nodeClock, nodeRandom } from '../../core/runtime-node';
import { formatEndpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import type { Peer } from '../../core/wire/peers';
import { Signalling } from '../../core/wire/signalling';
import { CoordinatorServer } from '../coordinator/coordinator';
import { coordinatorZone } from '../coordinator/coordinator-zone';
import { openDns } from '../coordinator/dns-host';
import { DnsServer } from '../coordinator/dns-server';
import { hostMachine } from '../host';
import { hostNameServers } from '../host-name-servers';
import { RateLimit } from '../rate-limit';
import type { TrustedServer } from '../server-ports';
import { openSqliteStore } from '../store/sqlite-store';
import type { Store } from '../store/store';
import { AccountServerReport, type Blocks } from './account-server-report';
import { droppedFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';

/** Names never seen that the DNS asks the AS about: 50 at once, 10 a second. */
const DNS_NAME_QUESTIONS = { burst: 50, refillMs: 100 };

export async function serveCoordinator(options: Settings<'dc'>, context: ServeContext): Promise<ServedServer<'dc'>> {
  const { dir, listen, zone, accountServer, advertise } = options;
  let { servers } = options;
  const identity = serverKey(dir, nodeRandom);
  const store = openSqliteStore(dir);
  const trusted = ({ kind: party, name, key: publicKey }: (typeof servers)[number]): TrustedServer => {
    return { party, name: `${name}.${zone}`, publicKey };
  };
  const as = {
    endpoint: { address: accountServer.host, port: accountServer.port },
    publicKey: accountServer.publicKey,
  };
  let reporter: AccountServerReport | undefined;
  const closers: (() => unknown)[] = [() => store.close()];
  const end = async (): Promise<void> => {
    reporter?.stop();
    for (const close of closers.reverse()) await close();
  };
  try {
    const { machine, local, close } = await hostMachine(listen, context, async (ports, bound, meanwhile) => {
      const asking = new Signalling({ party: 'dc', part: `dc ${zone}`, identity, ...ports });
      meanwhile(asking);
      const local = advertise ?? bound;
      reporter = new AccountServerReport(asking, identity, as, local, context);
      const blocks = await blocksOf(store, zone, reporter);
      await store.coordinators.put({
        ...{ ...blocks, zone, fqdn: `dc.${zone}`, publicKey: identity.publicKey, endpoint: local },
      });
      return new CoordinatorServer(
        {
          ...{ identity, zone, ...blocks, assignments: store.assignments, servers: servers.map(trusted) },
          accountServer: { party: 'as', name: 'as', ...as },
          nameServers: hostNameServers(options.resolver),
        },
        ports,
      );
    });
    reporter?.moveTo(machine.signalling);
    const dnsServer = dnsOf(machine, zone, (advertise ?? local).address, store);
    closers.push(close);
    const dns = options.dns && (await openDns(dnsServer, options.dns));
    if (dns) closers.push(() => dns.close());
    return {
      about: {
        [`directs the nodes of ${zone} on`]: formatEndpoint(local),
        ...(dns && { 'answers DNS on': formatEndpoint(dns.local) }),
      },
      figures: () => coordinatorFigures(machine, dnsServer),
      ailment: () => reporter?.ailment,
      reload(changed) {
        trustOnly(machine, identity, servers.map(trusted), changed.servers.map(trusted));
        ({ servers } = changed);
      },
      close: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

export function coordinatorFigures({ registrations, signalling }: CoordinatorServer, dns: DnsServer): Figure[] {
  return [
    { name: 'sessions', help: 'Nodes that have logged in', type: 'gauge', value: registrations.size },
    ...droppedFigures({ signalling: signalling.drops, dns: dns.drops }),
  ];
}

/** Those that are new may report themselves; those that are gone are asked no more, and not heard. */
function trustOnly(
  { signalling, reports }: CoordinatorServer,
  identity: KeyPair,
  before: readonly TrustedServer[],
  after: readonly TrustedServer[],
): void {
  const same = (a: TrustedServer, b: TrustedServer): boolean =>
    a.party === b.party && a.name === b.name && Buffer.compare(a.publicKey, b.publicKey) === 0;
  const peer = ({ publicKey, party, name }: TrustedServer): Peer => ({
    ...{ key: agreedKey(identity, publicKey), party, name },
  });
  for (const gone of before.filter((a) => !after.some((b) => same(a, b)))) {
    reports.forget(gone.name);
    signalling.removePeer(peer(gone));
  }
  for (const added of after.filter((a) => !before.some((b) => same(a, b)))) signalling.addPeer(peer(added));
}

/** Those of an earlier start; the first time, of the AS, which must be there then. */
async function blocksOf(store: Store, zone: string, report: AccountServerReport): Promise<Blocks> {
  const known = await store.coordinators.find(zone);
  if (!known) return report.start();
  report.start().then(
    (given) => report.compare(given, known),
    () => {}, // refused: it says so itself
  );
  return known;
}

function dnsOf({ pool, names }: CoordinatorServer, zone: string, address: string, { assignments }: Store): DnsServer {
  const serial = Math.floor(nodeClock.wallTimeMs() / 1000);
  const nameQuestions = new RateLimit(nodeClock, DNS_NAME_QUESTIONS);
  const real = new Map([[`dc.${zone}`, address]]);
  return new DnsServer(coordinatorZone(zone, serial, real, { pool, names, assignments, nameQuestions }));
}
