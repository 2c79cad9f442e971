/** The network of a worker thread, as it was given at its start. */
import type { MessagePort } from 'node:worker_threads';
import { hostsFileNames } from '../hosts-file';
import { Namespace } from '../namespace';
import type { NetworkState } from './messages';
import { RemoteNetwork } from './remote-network';

export function networkOfThread({ port, state }: { port: MessagePort; state: NetworkState }): RemoteNetwork {
  return new RemoteNetwork(port, new Namespace(hostsFileNames), state);
}
