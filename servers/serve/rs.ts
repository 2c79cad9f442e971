/** `serve rs`: a relay server. On SIGTERM its nodes move to another one first. */
import { nodeRandom } from '../../core/runtime-node';
import { formatEndpoint } from '../../core/wire/addresses';
import { hostMachine } from '../host';
import type { RelayLimits } from '../relay/relay-paths';
import { RelayServer } from '../relay/relay-server';
import { reportTo, trustedCoordinator } from './coordinator-link';
import { droppedFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';

export async function serveRelayServer(
  { dir, name, listen, advertise = listen, coordinator, ...live }: Settings<'rs'>,
  context: ServeContext,
): Promise<ServedServer<'rs'>> {
  let { drainSeconds } = live;
  const options = {
    identity: serverKey(dir, nodeRandom),
    name: `${name}.${coordinator.zone}`,
    coordinator: trustedCoordinator(coordinator),
    endpoints: advertise,
    limits: withoutUndefined(live.limits),
  };
  const { machine, close } = await hostMachine(listen, context, (ports) => new RelayServer(options, ports));
  const report = await reportTo(coordinator, machine, context, () => ({
    ...{ kind: 'rs', load: machine.load, endpoints: advertise, draining: machine.draining },
  }));
  return {
    about: { 'relays on': listen.map(formatEndpoint).join(' and ') },
    figures: () => relayServerFigures(machine),
    ailment: () => (machine.draining ? 'draining' : report.ailment()),
    reload(changed) {
      ({ drainSeconds } = changed);
      machine.changeLimits(withoutUndefined(changed.limits));
    },
    async close() {
      const drained = machine.drain(drainSeconds * 1000);
      await report.now();
      await drained;
      report.stop();
      await close();
    },
  };
}

function withoutUndefined(limits: Settings<'rs'>['limits']): Partial<RelayLimits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

export function relayServerFigures(machine: RelayServer): Figure[] {
  return [
    { name: 'relay_paths', help: 'Paths that are allocated', type: 'gauge', value: machine.paths.size },
    {
      ...{ name: 'relayed_packets_total', help: 'Frames forwarded', type: 'counter' },
      value: machine.paths.forwardedPackets,
    },
    {
      ...{ name: 'relayed_bytes_total', help: 'Bytes of frames forwarded', type: 'counter' },
      value: machine.paths.forwardedBytes,
    },
    ...droppedFigures({ signalling: machine.signalling.drops, frames: machine.paths.drops }),
  ];
}
