/** `serve rs`: a relay server. On SIGTERM its nodes move to another one first. */
import { availableParallelism } from 'node:os';
import { nodeRandom } from '../../core/runtime-node';
import { formatEndpoint } from '../../core/wire/addresses';
import { hostRelayServer } from '../host-relay';
import type { RelayCrew } from '../relay/relay-crew';
import type { RelayServer } from '../relay/relay-server';
import { reportTo, trustedCoordinator } from './coordinator-link';
import { droppedFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serveStreams, streamFigures } from './streams';
import { serverKey } from './server-key';
import { given, type Settings } from './settings';

export async function serveRelayServer(
  {
    dir,
    name,
    listen,
    advertise = listen,
    coordinator,
    workers = availableParallelism(),
    tls,
    ...live
  }: Settings<'rs'>,
  context: ServeContext,
): Promise<ServedServer<'rs'>> {
  let { drainSeconds } = live;
  const options = {
    identity: serverKey(dir, nodeRandom),
    name: `${name}.${coordinator.zone}`,
    coordinator: trustedCoordinator(coordinator),
    endpoints: advertise,
    limits: given(live.limits),
  };
  const { machine, crew, streams, close } = await hostRelayServer(listen, workers, options, context);
  const tlsListeners = await serveStreams(tls, dir, streams);
  machine.streamEndpoints = tlsListeners.endpoints;
  const report = await reportTo(coordinator, machine, context, () => ({
    ...{ kind: 'rs', load: machine.load, endpoints: advertise, draining: machine.draining },
    ...(tls && { streams: [...machine.streamEndpoints] }),
  }));
  return {
    about: { 'relays on': listen.map(formatEndpoint).join(' and '), processes: `${workers}`, ...tlsListeners.about },
    figures: () => [...relayServerFigures(machine), ...crewFigures(crew, workers), ...streamFigures(streams)],
    ailment: () => (machine.draining ? 'draining' : report.ailment()),
    reload(changed) {
      ({ drainSeconds } = changed);
      machine.changeLimits(given(changed.limits));
    },
    async close() {
      const drained = machine.drain(drainSeconds * 1000);
      await report.now();
      await drained;
      report.stop();
      await tlsListeners.close();
      await close();
    },
  };
}

export function relayServerFigures({ paths, forwarded, binds, signalling, frameDrops, stun }: RelayServer): Figure[] {
  return [
    { name: 'relay_paths', help: 'Paths that are allocated', type: 'gauge', value: paths.size },
    { name: 'relay_binds_total', help: 'Relay Binds taken', type: 'counter', value: binds },
    { name: 'relayed_packets_total', help: 'Frames forwarded', type: 'counter', value: forwarded.packets },
    { name: 'relayed_bytes_total', help: 'Bytes of frames forwarded', type: 'counter', value: forwarded.bytes },
    { name: 'stun_answers_total', help: 'Nodes told where they are seen', type: 'counter', value: stun.answered },
    ...droppedFigures({ signalling: signalling.drops, frames: frameDrops, stun: stun.drops }),
  ];
}

/** Of each process: 0 is the main one. */
function crewFigures(crew: RelayCrew, workers: number): Figure[] {
  const busy = [crew.busy, ...[...crew.members].map(({ report }) => report.busy)];
  return [
    { name: 'relay_processes', help: 'Processes that can forward', type: 'gauge', value: crew.members.size + 1 },
    { name: 'relay_processes_wanted', help: 'As the settings say', type: 'gauge', value: workers },
    {
      name: 'relay_processes_reading',
      help: 'Those that the load needs',
      type: 'gauge',
      value: crew.readers.length + 1,
    },
    {
      name: 'relay_processes_lost_total',
      help: 'Processes that had to be replaced',
      type: 'counter',
      value: crew.lost,
    },
    {
      name: 'relay_worker_packets_total',
      help: 'Frames that others than the main process forwarded',
      type: 'counter',
      value: crew.forwarded.packets - crew.forwardedByMain,
    },
    ...busy.map((value, process): Figure => ({
      ...{ name: 'relay_process_busy_ratio', help: 'Of its time, what a process was busy', type: 'gauge' },
      ...{ value, labels: { process: `${process}` } },
    })),
  ];
}
