/**
 * In a worker of `cluster`: a connection that its primary hands over for a node of the network (cluster-handover.ts) is
 * a socket of the host's loopback, and has the virtual addresses.
 */
import { ACKNOWLEDGED, CLUSTER_COMMAND, type ClusterMessage } from '../cluster-messages';
import { isClusterWorker, type AddressOut, type TcpHandle } from '../node-internals';
import type { Patches } from '../patch';
import { isWildcard } from '../policy';

let hasWarned = false;

export function hookClusterWorker(patches: Patches): void {
  patches.listenFirst(process, 'internalMessage', (message: ClusterMessage, handle?: TcpHandle) => {
    if (message.cmd !== CLUSTER_COMMAND || !message.ntmobile) return;
    const { key, local, remote } = message.ntmobile;
    message.key = key;
    message.seq = `${ACKNOWLEDGED}${message.seq}`;
    if (!handle) return;
    handle.getsockname = (out) => show(local, out);
    handle.getpeername = (out) => show(remote, out);
  });
}

/** With SCHED_NONE the workers accept by themselves, from a socket that the primary has bound. */
export function warnOfSharedListener(handle: TcpHandle): void {
  const at: AddressOut = {};
  if (hasWarned || !isClusterWorker() || handle.getsockname(at) || !isWildcard(at.address!)) return;
  hasWarned = true;
  process.emitWarning(
    `Nodes of the network cannot connect to port ${at.port}, whose connections cluster leaves to the operating system ` +
      '(SCHED_NONE). Set cluster.schedulingPolicy to SCHED_RR, or leave NODE_CLUSTER_SCHED_POLICY=none out.',
    { code: 'NTM_SHARED_LISTENER' },
  );
}

function show(endpoint: AddressOut, out: AddressOut): number {
  Object.assign(out, endpoint);
  return 0;
}
