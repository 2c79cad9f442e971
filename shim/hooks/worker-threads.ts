/**
 * Worker threads. A worker has the preload, too, and its sockets are those of this thread's node: it gets a port to here
 * (core/threads) with its environment data, which is there before its first line and which it takes away at once.
 */
import threads from 'node:worker_threads';
import type { MessagePort, Worker, WorkerOptions } from 'node:worker_threads';
import type { NetworkState } from '../../core/threads/messages';
import type { VirtualNetwork } from '../../core/virtual-network';
import type { Patches } from '../patch';
import type { ShimOptions } from '../policy';

const KEY = 'ntmobile';

/** `preload`: the file that has to be loaded in the worker, too. */
type Options = ShimOptions & { readonly preload: string };

export interface NodeOfThread {
  readonly port: MessagePort;
  readonly state: NetworkState;
  readonly options: Options;
}

/** In a worker, once: how it reaches the node. Undefined when nobody has put it there. */
export function takeNodeOfThread(): NodeOfThread | undefined {
  const node = threads.getEnvironmentData(KEY) as unknown as NodeOfThread | undefined;
  threads.setEnvironmentData(KEY);
  return node;
}

export function hookWorkers(network: VirtualNetwork, patches: Patches, shim: Options): void {
  const { Worker } = threads;
  const hook = new Proxy(Worker, {
    construct(target, [file, options, ...rest]: [unknown, WorkerOptions | undefined, ...unknown[]], newTarget) {
      const construct = (given: unknown): Worker =>
        Reflect.construct(target, [file, given, ...rest], newTarget) as Worker;
      return patches.isActive && willPreload(options, shim.preload)
        ? withNode(network, shim, options, construct)
        : construct(options);
    },
  });
  patches.define(threads, 'Worker', { value: hook, configurable: true, enumerable: true, writable: true });
}

function withNode(
  network: VirtualNetwork,
  shim: Options,
  options: WorkerOptions | undefined,
  construct: (options: WorkerOptions) => Worker,
): Worker {
  const { NetworkHost, stateOf } =
    require('../../core/threads/network-host') as typeof import('../../core/threads/network-host');
  const { port1, port2: port } = new threads.MessageChannel();
  const state = stateOf(network);
  threads.setEnvironmentData(KEY, { port, state, options: shim });
  try {
    const worker = construct({ ...options, transferList: [...(options?.transferList ?? []), port] });
    const host = new NetworkHost(network, port1, state);
    worker.once('exit', () => host.ended()); // the first to hear it: a port that it had is free for all others
    return worker;
  } catch (error) {
    port1.close();
    throw error;
  } finally {
    threads.setEnvironmentData(KEY);
  }
}

/**
 * A port that nobody takes would be in the way of the worker's own workers: they get its environment data, which then
 * cannot be cloned. Options of its own replace those of this thread, and NODE_OPTIONS of its environment adds to them.
 */
function willPreload({ env, execArgv }: WorkerOptions = {}, preload: string): boolean {
  const hasOwnEnv = typeof env === 'object' && env !== null;
  const variable = (hasOwnEnv ? env : process.env)['NODE_OPTIONS'] ?? '';
  if (variable.includes(preload) || execArgv?.some((argument) => argument.includes(preload))) return true;
  return !hasOwnEnv && !Array.isArray(execArgv);
}
