/** `node -r memory-preload program`: the shim over a network in memory. Programs reach both through globalThis. */
import { holdCount } from '../../shim/liveness';
import { installShim } from '../../shim/install';
import { isListenMode } from '../../shim/policy';
import { NtmError } from '../../core/errors';
import { MemoryNetwork } from './memory-network';

const listen = process.env['NTMOBILE_LISTEN'] ?? 'both';
const network = new MemoryNetwork();
const shim = installShim(network, { listen: isListenMode(listen) ? listen : 'both' });
Object.assign(globalThis, { network, shim, holdCount, NtmError });
