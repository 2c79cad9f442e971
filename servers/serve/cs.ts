/** `serve cs`: a cache server, for the nodes of one coordinator. */
import { nodeRandom } from '../../core/runtime-node';
import { formatEndpoint } from '../../core/wire/addresses';
import { CacheServer } from '../cache/cache-server';
import { hostMachine } from '../host';
import { reportTo, trustedCoordinator } from './coordinator-link';
import { droppedFigures, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';

export async function serveCacheServer(
  { dir, name, listen, coordinator }: Settings<'cs'>,
  context: ServeContext,
): Promise<ServedServer> {
  const options = {
    identity: serverKey(dir, nodeRandom),
    name: `${name}.${coordinator.zone}`,
    coordinator: trustedCoordinator(coordinator),
  };
  const { machine, local, close } = await hostMachine(
    listen,
    context.trace,
    (ports) => new CacheServer(options, ports),
  );
  const report = await reportTo(coordinator, machine, context, () => ({
    ...{ kind: 'cs', load: machine.load, endpoints: [local] },
  }));
  return {
    about: { 'caches on': formatEndpoint(local) },
    figures: () => droppedFigures({ signalling: machine.signalling.drops }),
    ailment: () => report.ailment(),
    async close() {
      report.stop();
      await close();
    },
  };
}
