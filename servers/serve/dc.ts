/** `serve dc`: a direction coordinator with the DNS of its zone. Its blocks of addresses come from the AS, once. */
import { nodeClock, nodeRandom } from '../../core/runtime-node';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import type { Peer } from '../../core/wire/peers';
import { Signalling } from '../../core/wire/signalling';
import { CoordinatorServer } from '../coordinator/coordinator';
import { coordinatorDns } from '../coordinator/coordinator-dns';
import { openDns, type DnsHost } from '../coordinator/dns-host';
import type { DnsServer } from '../coordinator/dns-server';
import { hostMachine } from '../host';
import { hostNameServers } from '../host-name-servers';
import { PolicyFile } from '../policy-file';
import type { TrustedServer } from '../server-ports';
import { openSqliteStore } from '../store/sqlite-store';
import type { Store } from '../store/store';
import { watchStore } from '../store/watched-store';
import { AccountServerReport, type Blocks } from './account-server-report';
import { droppedFigures, storeFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';
import { serveStreams, streamFigures } from './streams';

export async function serveCoordinator(options: Settings<'dc'>, context: ServeContext): Promise<ServedServer<'dc'>> {
  const { dir, listen, zone, accountServer, advertise } = options;
  let { servers } = options;
  const identity = serverKey(dir, nodeRandom);
  const watched = watchStore(openSqliteStore(dir));
  const { store } = watched;
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
    const { machine, local, streams, close } = await hostMachine(listen, context, async (ports, bound, meanwhile) => {
      const asking = new Signalling({ party: 'dc', part: `dc ${zone}`, identity, ...ports });
      meanwhile(asking);
      const local = advertise?.[0] ?? bound;
      reporter = new AccountServerReport(asking, identity, as, local, context);
      const blocks = await blocksOf(store, zone, reporter);
      await store.coordinators.put({
        ...{ ...blocks, zone, fqdn: `dc.${zone}`, publicKey: identity.publicKey, endpoint: local },
      });
      const { assignments, sessions, nodeKeys } = store;
      const coordinator = new CoordinatorServer(
        {
          ...{ identity, zone, ...blocks, assignments, sessions, nodeKeys },
          servers: servers.map(trusted),
          accountServer: { party: 'as', name: 'as', ...as },
          nameServers: hostNameServers(options.resolver),
          endpoints: endpointsOf(options, bound),
        },
        ports,
      );
      await coordinator.restore();
      return coordinator;
    });
    reporter?.moveTo(machine.signalling);
    closers.push(close);
    const tlsListeners = await serveStreams(options.tls, dir, streams);
    closers.push(() => tlsListeners.close());
    machine.streamEndpoints = tlsListeners.endpoints;
    const policy = options.policy === undefined ? undefined : policyOf(machine, options.policy, context);
    if (policy) closers.push(() => policy.close());
    const dnsServer = dnsOf(machine, options, local, (await store.coordinators.find(zone))!, store);
    const dnsHosts: DnsHost[] = [];
    for (const endpoint of options.dns ?? []) {
      const host = await openDns(dnsServer, endpoint);
      dnsHosts.push(host);
      closers.push(() => host.close());
    }
    return {
      about: {
        [`directs the nodes of ${zone} on`]: formatEndpoint(local),
        ...(dnsHosts.length > 0 && {
          'answers DNS on': dnsHosts.map((dns) => formatEndpoint(dns.local)).join(' and '),
        }),
        ...tlsListeners.about,
      },
      figures: () => [...coordinatorFigures(machine, dnsServer), ...streamFigures(streams), ...storeFigures(watched)],
      ailment: () => machine.sessions.ailment ?? watched.ailment() ?? policy?.ailment ?? reporter?.ailment,
      reload(changed) {
        policy?.reload();
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

function policyOf({ permissions }: CoordinatorServer, path: string, { log }: ServeContext): PolicyFile {
  return new PolicyFile({ path, onPolicy: (policy) => permissions.change(policy), onWrong: (reason) => log(reason) });
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

/** Where others come to; `local`: the first of `listen`, with the port that it got. */
function endpointsOf({ listen, advertise }: Pick<Settings<'dc'>, 'listen' | 'advertise'>, local: Endpoint): Endpoint[] {
  return advertise ?? [local, ...listen.slice(1)];
}

function dnsOf(
  machine: CoordinatorServer,
  { zone, listen, advertise, nameServers }: Settings<'dc'>,
  local: Endpoint,
  { ipv4Block, ipv6Prefix }: Blocks,
  { assignments }: Store,
): DnsServer {
  const own = endpointsOf({ listen, advertise }, local);
  const servers = new Map(nameServers.map(({ name, addresses }) => [name, addresses]));
  servers.set(`dc.${zone}`, [...new Set(own.map(({ address }) => address))]);
  return coordinatorDns(machine, {
    ...{ pool: { zone, ipv4Block, ipv6Prefix }, assignments, clock: nodeClock, servers },
    // A DC of another zone finds this one by its name among them (Figure 5 step 3).
    nameServers: [...new Set([`dc.${zone}`, ...servers.keys()])],
  });
}
