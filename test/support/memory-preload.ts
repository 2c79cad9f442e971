/** `node -r memory-preload program`: the shim over a network in memory. Programs reach both through globalThis. */
import { holdCount } from '../../shim/liveness';
import { installShim } from '../../shim/install';
import type { ListenMode } from '../../shim/policy';
import { NtmError } from '../../core/errors';
import { MemoryNetwork } from './memory-network';

const listen = (process.env['NTMOBILE_LISTEN'] ?? 'both') as ListenMode;
const network = new MemoryNetwork();
const shim = installShim(network, { listen });
Object.assign(globalThis, { network, shim, holdCount, NtmError });
