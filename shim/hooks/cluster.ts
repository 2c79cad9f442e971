/**
 * In a worker of `cluster`: a connection that its primary hands over for a node of the network (cluster-handover.ts) is
 * a socket of the host's loopback, and has the virtual addresses.
 */
import { ACKNOWLEDGED, CLUSTER_COMMAND, type ClusterMessage } from '../cluster-messages';
import type { AddressOut, TcpHandle } from '../node-internals';
import type { Patches } from '../patch';

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

function show(endpoint: AddressOut, out: AddressOut): number {
  Object.assign(out, endpoint);
  return 0;
}
