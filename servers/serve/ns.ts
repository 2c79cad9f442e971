/** `serve ns`: a notification server, for the nodes of one coordinator. */
import { nodeRandom } from '../../core/runtime-node';
import { formatEndpoint } from '../../core/wire/addresses';
import { hostMachine, openBoth, openServerStreams } from '../host';
import { NotificationServer } from '../notification/notification-server';
import { reportTo, trustedCoordinator } from './coordinator-link';
import { droppedFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';

export async function serveNotificationServer(
  { dir, name, listen, advertise, coordinator }: Settings<'ns'>,
  context: ServeContext,
): Promise<ServedServer<'ns'>> {
  const identity = serverKey(dir, nodeRandom);
  const options = { identity, name: `${name}.${coordinator.zone}`, coordinator: trustedCoordinator(coordinator) };
  const { udp, tcp } = await openBoth(
    listen.port,
    (port) =>
      hostMachine({ ...listen, port }, context, (ports, local) => {
        return new NotificationServer({ ...options, streamEndpoints: [advertise ?? local] }, ports);
      }),
    ({ machine, local }) => openServerStreams(local, (stream) => machine.accept(stream)),
  );
  const { machine } = udp;
  const report = await reportTo(coordinator, machine, context, () => ({
    ...{ kind: 'ns', load: machine.load, endpoints: [advertise ?? tcp.local] },
  }));
  return {
    about: { 'wakes nodes up from': `${formatEndpoint(tcp.local)} (TCP)`, 'hears its coordinator on UDP': 'the same' },
    figures: () => notificationServerFigures(machine),
    ailment: () => report.ailment(),
    async close() {
      report.stop();
      await tcp.close();
      await udp.close();
    },
  };
}

export function notificationServerFigures({ connections, signalling, streamSignalling }: NotificationServer): Figure[] {
  return [
    { name: 'connections', help: 'Open TCP connections', type: 'gauge', value: connections.size },
    ...droppedFigures({
      signalling: signalling.drops,
      streams: streamSignalling.drops,
      connections: connections.drops,
    }),
  ];
}
