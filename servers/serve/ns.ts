/** `serve ns`: a notification server, for the nodes of one coordinator. On SIGTERM its nodes move to another one first. */
import { readFileSync } from 'node:fs';
import { nodeClock, nodeRandom } from '../../core/runtime-node';
import { formatEndpoint } from '../../core/wire/addresses';
import { hostMachine, openBoth, openServerStreams } from '../host';
import { NotificationServer } from '../notification/notification-server';
import { openSqliteStore } from '../store/sqlite-store';
import { watchStore } from '../store/watched-store';
import { reportTo, trustedCoordinator } from './coordinator-link';
import { droppedFigures, storeFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import { given, type Settings } from './settings';

/** Files that a process has open beside its connections. */
const OTHER_FILES = 100;

export async function serveNotificationServer(
  { dir, name, listen, advertise, coordinator, push, ...live }: Settings<'ns'>,
  context: ServeContext,
): Promise<ServedServer<'ns'>> {
  let { drainSeconds } = live;
  const identity = serverKey(dir, nodeRandom);
  const services = await openPushServices(push);
  const watched = watchStore(openSqliteStore(dir));
  const { store } = watched;
  const options = {
    ...{ identity, name: `${name}.${coordinator.zone}`, coordinator: trustedCoordinator(coordinator) },
    ...{ limits: given(live.limits), push: services, store: store.pushes },
    onPushFailed: (fqdn: string, reason: string) => context.log('a push message did not wake a node', { fqdn, reason }),
  };
  try {
    const { udp, tcp } = await openBoth(
      listen.port,
      (port) =>
        hostMachine({ ...listen, port }, context, (ports, local) => {
          return new NotificationServer({ ...options, streamEndpoints: [advertise ?? local] }, ports);
        }),
      async ({ machine, local }) => {
        await machine.start();
        return openServerStreams(local, (stream) => machine.accept(stream));
      },
    );
    const { machine } = udp;
    warnOfFileLimit(machine.connections.limit, context);
    const report = await reportTo(
      ...([coordinator, machine, context] as const),
      () => ({
        ...{ kind: 'ns', load: machine.load, endpoints: [advertise ?? tcp.local], draining: machine.draining },
      }),
      () => machine.coordinatorRestarted(),
    );
    const kinds = Object.keys(services);
    return {
      about: {
        'wakes nodes up from': `${formatEndpoint(tcp.local)} (TCP)`,
        'hears its coordinator on UDP': 'the same',
        ...(kinds.length > 0 && { 'pushes by': kinds.join(', ') }),
      },
      figures: () => [...notificationServerFigures(machine), ...storeFigures(watched)],
      ailment: () => (machine.draining ? 'draining' : (watched.ailment() ?? report.ailment())),
      reload(changed) {
        ({ drainSeconds } = changed);
        machine.connections.changeLimits(given(changed.limits));
        warnOfFileLimit(machine.connections.limit, context);
      },
      async close() {
        const drained = machine.drain(drainSeconds * 1000);
        await report.now();
        await drained;
        report.stop();
        await tcp.close();
        await udp.close();
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Their libraries are loaded when they are wanted. */
async function openPushServices(push: Settings<'ns'>['push']) {
  if (Object.keys(push).length === 0) return {};
  const { pushServices } = await import('./push-settings.js');
  return pushServices(push, nodeClock);
}

export function notificationServerFigures(machine: NotificationServer): Figure[] {
  const { connections, services, pusher, signalling, streamSignalling } = machine;
  return [
    { name: 'connections', help: 'Open TCP connections', type: 'gauge', value: connections.size },
    { name: 'services', help: 'Nodes that may connect', type: 'gauge', value: services.size },
    { name: 'pushes_queued', help: 'Push messages that wait', type: 'gauge', value: pusher.queued },
    ...[...pusher.counts].map(([what, value]): Figure => {
      const [service = '', ...outcome] = what.split(' ');
      const labels = { service, outcome: outcome.join(' ') };
      return { name: 'pushes_total', help: 'Push messages, by outcome of each try', type: 'counter', value, labels };
    }),
    { name: 'unstored_total', help: 'Changes that the disk did not take', type: 'counter', value: services.unstored },
    ...droppedFigures({
      signalling: signalling.drops,
      streams: streamSignalling.drops,
      connections: connections.drops,
    }),
  ];
}

/** Each connection is an open file (getrlimit(2)); Node has raised the soft limit to the hard one. */
function warnOfFileLimit(connections: number, { log }: ServeContext): void {
  const most = Number(/^Max open files +(\d+)/m.exec(limitsOfThisProcess())?.[1]);
  const needed = connections + OTHER_FILES;
  if (most >= needed || Number.isNaN(most)) return;
  log(`only ${most} files may be open, too few for ${connections} connections`, {
    cure: `"ulimit -n ${needed}" before the start, LimitNOFILE=${needed} in a systemd unit, or "limits": { "connections": ... }`,
  });
}

function limitsOfThisProcess(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return ''; // not Linux
  }
}
