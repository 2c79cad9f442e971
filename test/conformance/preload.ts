/**
 * `node -r preload test-net-connect.js`: forces one of Node's own tests through the virtual stack.
 * NTMOBILE_CONFORMANCE_MARK names a file that is made when a connection came through it.
 */
import { writeFileSync } from 'node:fs';
import { nodeRuntime } from '../../core/runtime-node';
import { installShim } from '../../shim/install';
import { LoopNetwork } from './loop-network';
import { leaveOtherProcesses } from './other-processes';

const mark = process.env['NTMOBILE_CONFORMANCE_MARK'];
let isMarked = false;

function markAsUsed(): void {
  if (isMarked || mark === undefined) return;
  isMarked = true;
  writeFileSync(mark, '');
}

const network = new LoopNetwork(nodeRuntime, markAsUsed);
installShim(network, { listen: 'both' });
leaveOtherProcesses(network);
