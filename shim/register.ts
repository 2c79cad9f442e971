/**
 * `node -r ntmobile/register app.js`: makes this process a node of the network that NTMOBILE_AS names.
 * Without NTMOBILE_AS (or a configuration file that may hold it) it does nothing.
 */
import { debuglog } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { PRELOAD, type Preload } from '../core/peer-name';

const debug = debuglog('ntmobile');

register(process.env);

function register(env: NodeJS.ProcessEnv): void {
  // Loaded twice, e.g. by -r and by NODE_OPTIONS, or from two installed copies.
  const once = globalThis as { [PRELOAD]?: Preload };
  if (once[PRELOAD]) return;
  const preload: Preload = {};
  Object.defineProperty(once, PRELOAD, { value: preload });

  if (!env['NTMOBILE_AS'] && !env['NTMOBILE_CONFIG']) return debug('NTMOBILE_AS is not set: not loaded');
  // One process is one node: a worker thread inherits -r, but must not log in a second time under the same name.
  // Its sockets are the host's for now.
  if (!isMainThread) return debug('worker thread: not loaded');

  preloadInChildren(env);
  const { startNode } = require('../core/start') as typeof import('../core/start');
  const { installShim } = require('./install') as typeof import('./install');
  const { network, listen, log } = startNode(env);
  installShim(network, { listen, warns: log.says('warn') });
  preload.nameOf = (address) => network.nameOf(address);
}

/** `fork` inherits -r, `spawn(process.execPath)` does not, NODE_OPTIONS covers both. */
function preloadInChildren(env: NodeJS.ProcessEnv): void {
  const options = env['NODE_OPTIONS'] ?? '';
  if (options.includes(__filename)) return;
  const quoted = /[\s"\\]/.test(__filename) ? JSON.stringify(__filename) : __filename;
  env['NODE_OPTIONS'] = `${options} --require ${quoted}`.trim();
}
