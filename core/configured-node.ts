/** A node of this process with its settings, its state directory and the files that it writes. */
import { CaptureFile } from './capture-file';
import type { NodeConfig } from './config';
import type { Log } from './log';
import type { Namespace } from './namespace';
import { Node } from './node';
import { holdProcess, nodeRuntime } from './runtime-node';
import { TakenItemsFile } from './taken-items';
import { stateFile, type NodeState, type StateFile } from './state-dir';
import { noTrace } from './trace';
import { openTraceFile } from './trace-file';

/** A node that is not started yet. `onFailed` is told each time that joining fails for another reason than before. */
export function configuredNode(
  config: NodeConfig,
  namespace: Namespace,
  log: Log,
  onFailed: (error: Error) => void,
): Node {
  const { account, node: label } = config;
  const file = stateFile(config);
  let state: NodeState = file.read() ?? { secretKey: nodeRuntime.random.bytes(32), domains: [], networks: [] };
  const node = new Node({
    runtime: nodeRuntime,
    trace: log.tracing(
      config.traceFile
        ? openTraceFile(config.traceFile, nodeRuntime.clock, notWritten('NTMOBILE_TRACE', log)).trace
        : noTrace,
    ),
    ...(config.captureFile && {
      capture: capture(config.captureFile, label ? `${label}.${account}` : account, notWritten('NTMOBILE_PCAP', log)),
    }),
    config,
    secretKey: state.secretKey,
    taken: new TakenItemsFile(file.takenItemsPath, nodeRuntime.clock, ({ message }) =>
      log.warning(`the state directory cannot be written, cached items may come twice: ${message}`),
    ),
    hold: holdProcess,
    namespace,
    onNetwork: (network) => {
      if (file.read() && sameList(state.domains, network.domains) && sameList(state.networks, network.networks)) return;
      state = { ...state, ...network };
      saveState(file, state, log);
    },
    onFailed,
    onPushRefused: (why) =>
      log.warning(
        why === 'dead'
          ? 'NTMOBILE_PUSH: the push service does not know this device any more; it needs a new token'
          : 'NTMOBILE_PUSH: the notification server has no account at this push service',
      ),
    onStackFault: (assertion) =>
      log.warning(`connections were lost by a fault in the virtual stack, please report: ${assertion}`),
  });
  process.once('exit', () => node.close());
  return node;
}

function capture(path: string, interfaceName: string, onFailure: (error: Error) => void): CaptureFile {
  const { clock, timers } = nodeRuntime;
  return new CaptureFile({ path, clock, timers, interfaceName, onFailure });
}

function notWritten(variable: string, log: Log): (error: Error) => void {
  return ({ message }) => log.warning(`${variable} cannot be written: ${message}`);
}

function saveState(file: StateFile, state: NodeState, log: Log): void {
  try {
    file.write(state);
  } catch (error) {
    log.warning(`the state directory cannot be written: ${(error as Error).message}`);
  }
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
