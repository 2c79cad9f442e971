/** A node of this process with its settings, its state directory and the files that it writes. */
import { CaptureFile } from './capture-file';
import type { NodeConfig } from './config';
import type { Namespace } from './namespace';
import { Node } from './node';
import { nodeRuntime } from './runtime-node';
import { stateFile, type NodeState, type StateFile } from './state-dir';
import { noTrace } from './trace';
import { openTraceFile } from './trace-file';

/** A node that is not started yet. `onFailed` is told each time that joining fails for another reason than before. */
export function configuredNode(config: NodeConfig, namespace: Namespace, onFailed: (error: Error) => void): Node {
  const { account, node: label } = config;
  const file = stateFile(config);
  let state: NodeState = file.read() ?? { secretKey: nodeRuntime.random.bytes(32), domains: [], networks: [] };
  const node = new Node({
    runtime: nodeRuntime,
    trace: config.traceFile
      ? openTraceFile(config.traceFile, nodeRuntime.clock, notWritten('NTMOBILE_TRACE')).trace
      : noTrace,
    ...(config.captureFile && { capture: capture(config.captureFile, label ? `${label}.${account}` : account) }),
    config,
    secretKey: state.secretKey,
    namespace,
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

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
