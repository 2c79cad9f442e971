/** `serve cs`: a cache server, for the nodes of one coordinator. */
import { nodeRandom } from '../../core/runtime-node';
import { formatEndpoint } from '../../core/wire/addresses';
import type { CacheLimits } from '../cache/cache-limits';
import { CacheServer, CACHE_WRITE_QUEUE_BYTES } from '../cache/cache-server';
import { hostMachine, openBoth, openServerStreams } from '../host';
import { openSqliteStore } from '../store/sqlite-store';
import { watchStore } from '../store/watched-store';
import { reportTo, trustedCoordinator } from './coordinator-link';
import { droppedFigures, storeFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import { given, type Settings } from './settings';

export async function serveCacheServer(settings: Settings<'cs'>, context: ServeContext): Promise<ServedServer<'cs'>> {
  const { dir, name, listen, advertise, coordinator } = settings;
  const watched = watchStore(openSqliteStore(dir));
  const { store } = watched;
  const options = {
    identity: serverKey(dir, nodeRandom),
    name: `${name}.${coordinator.zone}`,
    coordinator: trustedCoordinator(coordinator),
    store: store.cachedItems,
    limits: limitsOf(settings),
  };
  const { udp, tcp } = await openBoth(
    listen.port,
    (port) =>
      hostMachine({ ...listen, port }, context, (ports, local) => {
        return new CacheServer({ ...options, streamEndpoints: [advertise ?? local] }, ports);
      }),
    ({ machine, local }) => openServerStreams(local, (stream) => machine.accept(stream), CACHE_WRITE_QUEUE_BYTES),
  ).catch((error: unknown) => {
    store.close();
    throw error;
  });
  const { machine } = udp;
  await machine.start();
  const report = await reportTo(coordinator, machine, context, () => ({
    ...{ kind: 'cs', load: machine.load, endpoints: [advertise ?? tcp.local] },
  }));
  return {
    about: { 'caches on': `${formatEndpoint(tcp.local)} (TCP)`, 'hears its coordinator on UDP': 'the same' },
    figures: () => [...cacheServerFigures(machine), ...storeFigures(watched)],
    ailment: () => watched.ailment() ?? report.ailment(),
    reload: (next) => machine.limit(limitsOf(next)),
    async close() {
      report.stop();
      await tcp.close();
      await udp.close();
      store.close();
    },
  };
}

export function cacheServerFigures(machine: CacheServer): Figure[] {
  const { usage, stored, ended, connections, signalling, streamSignalling, uploads } = machine;
  return [
    { name: 'connections', help: 'Open TCP connections', type: 'gauge', value: connections.size },
    { name: 'cached_items', help: 'Items that are kept now', type: 'gauge', value: usage.items },
    { name: 'cached_bytes', help: 'Their bytes, sealed', type: 'gauge', value: usage.bytes },
    { name: 'cached_items_stored_total', help: 'Items that were stored', type: 'counter', value: stored },
    {
      ...{ name: 'cached_bytes_received_total', help: 'Bytes of items that came', type: 'counter' },
      value: uploads.receivedBytes,
    },
    ...[...ended].map(([outcome, value]) => ({
      ...{ name: 'cached_items_ended_total', type: 'counter' as const, value, labels: { outcome } },
      help: 'Items that are kept no more, by what became of them',
    })),
    ...droppedFigures({
      ...{ signalling: signalling.drops, streams: streamSignalling.drops },
      ...{ connections: connections.drops, uploads: uploads.drops },
    }),
  ];
}

function limitsOf({ limits, ttlSeconds, maximumTtlSeconds }: Settings<'cs'>): Partial<CacheLimits> {
  const ttlMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1000;
  const maximumTtlMs = maximumTtlSeconds === undefined ? undefined : maximumTtlSeconds * 1000;
  return given({ ...limits, ttlMs, maximumTtlMs });
}
