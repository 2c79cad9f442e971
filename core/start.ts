/** Starts the node of this process from its environment: what the preload and the library share. */
import { readFileSync } from 'node:fs';
import { CaptureFile } from './capture-file';
import { readConfig, type NodeConfig } from './config';
import { NtmError } from './errors';
import { Namespace } from './namespace';
import { Node } from './node';
import { nodeRuntime } from './runtime-node';
import { StateFile, type NodeState } from './state-dir';
import { noTrace } from './trace';
import { openTraceFile } from './trace-file';
import { Unjoined } from './unjoined';
import type { VirtualNetwork } from './virtual-network';
import { canonicalName } from './wire/names';

/**
 * Set for child processes, which inherit the preload and the settings: who this process is. A child of the same name
 * joins only when it has to, so that a helper program does not take the name over from the service that started it.
 */
const PARENT_VARIABLE = 'NTMOBILE_PARENT';

export interface Started {
  readonly network: VirtualNetwork;
  readonly listen: NodeConfig['listen'];
}

/** Never throws: a program whose settings are wrong runs on, unless NTMOBILE_REQUIRED is set. */
export function startNode(env: NodeJS.ProcessEnv): Started {
  try {
    const config = readConfig(env);
    const node = configuredNode(config, (error) => complain(error, config.required));
    const identity = `${config.node ?? ''}.${config.account}`;
    if (env[PARENT_VARIABLE] !== identity) node.start();
    env[PARENT_VARIABLE] = identity;
    return { network: node, listen: config.listen };
  } catch (error) {
    complain(error as Error, env.NTMOBILE_REQUIRED === '1');
    const namespace = new Namespace(hostsFileNames);
    namespace.learn((env.NTMOBILE_DOMAINS ?? '').split(',').filter(Boolean), [], true);
    // What was to be reachable at the virtual address only must not become reachable at the host's by a mistake.
    const listen = [undefined, '', 'both', 'host'].includes(env.NTMOBILE_LISTEN) ? 'both' : 'virtual';
    return { network: new Unjoined(namespace, error as Error), listen };
  }
}

/** A node that is not started yet. `onFailed` is told each time that joining fails for another reason than before. */
export function configuredNode(config: NodeConfig, onFailed: (error: Error) => void): Node {
  const { accountServer, account, node: label } = config;
  const file = new StateFile(config.stateDir, { accountServerKey: accountServer.publicKey, account, node: label });
  let state: NodeState = file.read() ?? { secretKey: nodeRuntime.random.bytes(32), domains: [], networks: [] };
  const node = new Node({
    runtime: nodeRuntime,
    trace: config.traceFile
      ? openTraceFile(config.traceFile, nodeRuntime.clock, notWritten('NTMOBILE_TRACE')).trace
      : noTrace,
    ...(config.captureFile && { capture: capture(config.captureFile, label ? `${label}.${account}` : account) }),
    config,
    secretKey: state.secretKey,
    known: state,
    hostsFile: hostsFileNames,
    onNetwork: (network) => {
      if (file.read() && sameList(state.domains, network.domains) && sameList(state.networks, network.networks)) return;
      state = { ...state, ...network };
      saveState(file, state);
    },
    onFailed,
    onStackFault: stackFault,
  });
  process.once('exit', () => node.close());
  return node;
}

function capture(path: string, interfaceName: string): CaptureFile {
  const { clock, timers } = nodeRuntime;
  return new CaptureFile({ path, clock, timers, interfaceName, onFailure: notWritten('NTMOBILE_PCAP') });
}

function notWritten(variable: string): (error: Error) => void {
  return ({ message }) => process.emitWarning(`ntmobile: ${variable} cannot be written: ${message}`);
}

function stackFault(assertion: string): void {
  process.emitWarning(`ntmobile: connections were lost by a fault in the virtual stack, please report: ${assertion}`);
}

function saveState(file: StateFile, state: NodeState): void {
  try {
    file.write(state);
  } catch (error) {
    process.emitWarning(`ntmobile: the state directory cannot be written: ${(error as Error).message}`);
  }
}

/** One line for the person who can act. */
function complain(error: Error, required: boolean): void {
  const code = error instanceof NtmError ? ` (${error.code})` : '';
  process.stderr.write(`ntmobile: not joined: ${error.message}${code}\n`);
  if (required) process.exit(1);
}

let hostsFile: ReadonlySet<string> | undefined;

/** Names in /etc/hosts; none where there is no such file. */
function hostsFileNames(): ReadonlySet<string> {
  if (hostsFile) return hostsFile;
  let text = '';
  try {
    text = readFileSync('/etc/hosts', 'utf8');
  } catch {
    // no such file: no such names
  }
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(1));
  hostsFile = new Set(lines.flat().map(canonicalName));
  return hostsFile;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
