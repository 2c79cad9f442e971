/**
 * Starts the node of this process from its environment, for the preload. Everything that this file imports is loaded
 * before a program's first line: see deferred-node.ts for what is not.
 */
import { readConfig, type NodeConfig } from './config';
import { DeferredNode } from './deferred-node';
import { NtmError } from './errors';
import { hostsFileNames } from './hosts-file';
import { Log, LOG_LEVELS, type LogLevel } from './log';
import { Namespace } from './namespace';
import type { Node } from './node';
import { nodeTimers, writeError } from './runtime-node'; // which takes its functions from Node before the shim's hooks are in place
import { Unjoined } from './unjoined';
import type { VirtualNetwork } from './virtual-network';

/**
 * Set for child processes, which inherit the preload and the settings: who this process is. A child of the same name
 * joins only when it has to, so that a helper program does not take the name over from the service that started it.
 */
const PARENT_VARIABLE = 'NTMOBILE_PARENT';

export interface Started {
  readonly network: VirtualNetwork;
  readonly listen: NodeConfig['listen'];
  readonly log: Log;
}

/** Never throws: a program whose settings are wrong runs on, unless NTMOBILE_REQUIRED is set. */
export function startNode(env: NodeJS.ProcessEnv): Started {
  try {
    const config = readConfig(env);
    const log = standardErrorLog(config.log);
    const namespace = configuredNamespace(config);
    const make = (): Node => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const { configuredNode } = require('./configured-node') as typeof import('./configured-node');
      const node = configuredNode(config, namespace, log, (error) =>
        complain(error, log, config.required && !node.addresses),
      );
      return node;
    };
    const network = new DeferredNode(namespace, make, afterFirstLines);
    const identity = `${config.node ?? ''}.${config.account}`;
    if (env[PARENT_VARIABLE] !== identity) network.startLater();
    env[PARENT_VARIABLE] = identity;
    return { network, listen: config.listen, log };
  } catch (error) {
    const log = standardErrorLog(LOG_LEVELS.find((level) => level === env.NTMOBILE_LOG) ?? 'warn');
    complain(error as Error, log, env.NTMOBILE_REQUIRED === '1');
    const namespace = new Namespace(hostsFileNames);
    namespace.learn((env.NTMOBILE_DOMAINS ?? '').split(',').filter(Boolean), [], true);
    // What was to be reachable at the virtual address only must not become reachable at the host's by a mistake.
    const listen = [undefined, '', 'both', 'host'].includes(env.NTMOBILE_LISTEN) ? 'both' : 'virtual';
    return { network: new Unjoined(namespace, error as Error), listen, log };
  }
}

export function standardErrorLog(level: LogLevel): Log {
  return new Log(level, (line) => writeError(`ntmobile: ${line}\n`));
}

/** What is known before the AS is asked: the settings at once, an earlier run's knowledge when it is needed. */
export function configuredNamespace(config: NodeConfig): Namespace {
  const namespace = new Namespace(hostsFileNames, () => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { stateFile } = require('./state-dir') as typeof import('./state-dir');
    return stateFile(config).read();
  });
  namespace.learn(config.domains, [], config.domains.length > 0 && !!config.accountServer.zone);
  return namespace;
}

/**
 * Two timers: the first turn may be the one in which Node closes what the shim looked at, though the program is over.
 * Not immediates: one that holds no process does not wake a loop that waits either.
 */
function afterFirstLines(start: () => void): void {
  nodeTimers.schedule(0, () => nodeTimers.schedule(0, start));
}

/** One line for the person who can act. `required`: a program that has joined once is not ended for an outage. */
function complain(error: Error, log: Log, required: boolean): void {
  const code = error instanceof NtmError ? ` (${error.code})` : '';
  log.error(`not joined: ${error.message}${code}`);
  if (required) process.exit(1);
}
