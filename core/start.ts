/** Placeholder: reads the configuration and starts the node. */
import { NtmError } from './errors';
import type { VirtualNetwork } from './virtual-network';

export function startNode(_env: NodeJS.ProcessEnv): VirtualNetwork {
  throw new NtmError('NTM_CONFIG', 'starting a node is not built in yet');
}
