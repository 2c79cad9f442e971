/**
 * `node -r ntmobile/register app.js`: makes this process a node of the network that NTMOBILE_AS names.
 * Without NTMOBILE_AS (or a configuration file that may hold it) it does nothing.
 */
import { debuglog } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { PRELOAD, type Preload } from '../core/peer-name';
import type { VirtualNetwork } from '../core/virtual-network';
import type { ShimOptions } from './policy';

const debug = debuglog('ntmobile');

register(process.env);

function register(env: NodeJS.ProcessEnv): void {
  // Loaded twice, e.g. by -r and by NODE_OPTIONS, or from two installed copies.
  const once = globalThis as { [PRELOAD]?: Preload };
  if (once[PRELOAD]) return;
  const preload: Preload = {};
  Object.defineProperty(once, PRELOAD, { value: preload });

  if (!env['NTMOBILE_AS'] && !env['NTMOBILE_CONFIG']) return debug('NTMOBILE_AS is not set: not loaded');
  const { installShim } = require('./install') as typeof import('./install');
  if (isMainThread) preloadInChildren(env);
  const joined = isMainThread ? startHere(env) : joinedByAnotherThread();
  if (!joined) return debug('worker thread without a node: not loaded');
  const { network, options } = joined;
  installShim(network, options);
  preload.nameOf = (address) => network.nameOf(address);
  if (network.on) preload.on = (name, listener) => network.on!(name, listener);
}

interface Joined {
  readonly network: VirtualNetwork;
  readonly options: ShimOptions;
}

function startHere(env: NodeJS.ProcessEnv): Joined {
  const { startNode } = require('../core/start') as typeof import('../core/start');
  const { network, listen, log } = startNode(env);
  const inWorkers = isPreloading(require.cache[__filename]) ? { preload: __filename } : {};
  return { network, options: { listen, warns: log.says('warn'), ...inWorkers } };
}

/** One process is one node. */
function joinedByAnotherThread(): Joined | undefined {
  const { takeNodeOfThread } = require('./hooks/worker-threads') as typeof import('./hooks/worker-threads');
  const node = takeNodeOfThread();
  if (!node) return undefined;
  const { networkOfThread } = require('../core/threads/start') as typeof import('../core/threads/start');
  return { network: networkOfThread(node), options: node.options };
}

/** By -r, which workers inherit; not by a line of the program. */
function isPreloading(module: NodeJS.Module | null | undefined): boolean {
  return !!module && (module.id === 'internal/preload' || isPreloading(module.parent));
}

/** `fork` inherits -r, `spawn(process.execPath)` does not, NODE_OPTIONS covers both. */
function preloadInChildren(env: NodeJS.ProcessEnv): void {
  const options = env['NODE_OPTIONS'] ?? '';
  if (options.includes(__filename)) return;
  const quoted = /[\s"\\]/.test(__filename) ? JSON.stringify(__filename) : __filename;
  env['NODE_OPTIONS'] = `${options} --require ${quoted}`.trim();
}
