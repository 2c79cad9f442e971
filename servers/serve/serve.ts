/** Starts one server of a kind from its settings. */
import { serveAccountServer } from './as';
import { serveCacheServer } from './cs';
import { serveCoordinator } from './dc';
import { serveNotificationServer } from './ns';
import { serveRelayServer } from './rs';
import type { ServeContext, ServedServer } from './served';
import type { Kind, Settings } from './settings';

const start: { readonly [K in Kind]: (settings: Settings<K>, context: ServeContext) => Promise<ServedServer<K>> } = {
  as: serveAccountServer,
  dc: serveCoordinator,
  ns: serveNotificationServer,
  rs: serveRelayServer,
  cs: serveCacheServer,
};

export function serve<K extends Kind>(kind: K, settings: Settings<K>, context: ServeContext): Promise<ServedServer<K>> {
  return start[kind](settings, context);
}
