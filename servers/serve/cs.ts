/** `serve cs`: a cache server, for the nodes of one coordinator. */
import { nodeRandom } from '../../core/runtime-node';
import { formatEndpoint } from '../../core/wire/addresses';
import { CacheServer } from '../cache/cache-server';
import { hostMachine } from '../host';
import { reportTo, trustedCoordinator } from './coordinator-link';
import { droppedFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';

export async function serveCacheServer(
  { dir, name, listen, advertise, coordinator }: Settings<'cs'>,
  context: ServeContext,
): Promise<ServedServer<'cs'>> {
  const options = {
    identity: serverKey(dir, nodeRandom),
    name: `${name}.${coordinator.zone}`,
    coordinator: trustedCoordinator(coordinator),
  };
  const { machine, local, close } = await hostMachine(listen, context, (ports) => new CacheServer(options, ports));
  const report = await reportTo(coordinator, machine, context, () => ({
    ...{ kind: 'cs', load: machine.load, endpoints: [advertise ?? local] },
  }));
  return {
    about: { 'caches on': formatEndpoint(local) },
    figures: () => cacheServerFigures(machine),
    ailment: () => report.ailment(),
    async close() {
      report.stop();
      await close();
    },
  };
}

export function cacheServerFigures(machine: CacheServer): Figure[] {
  return droppedFigures({ signalling: machine.signalling.drops });
}
