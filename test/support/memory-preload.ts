/** `node -r memory-preload program`: the shim over a network in memory. Programs reach both through globalThis. */
import { isMainThread } from 'node:worker_threads';
import { networkOfThread } from '../../core/threads/start';
import { takeNodeOfThread } from '../../shim/hooks/worker-threads';
import { holdCount } from '../../shim/liveness';
import { installShim } from '../../shim/install';
import type { ListenMode } from '../../shim/policy';
import { NtmError } from '../../core/errors';
import { MemoryNetwork } from './memory-network';

const listen = (process.env['NTMOBILE_LISTEN'] ?? 'both') as ListenMode;
const node = isMainThread ? undefined : takeNodeOfThread();
const network = node ? networkOfThread(node) : new MemoryNetwork();
const shim = installShim(network, { listen, preload: __filename });
Object.assign(globalThis, { network, shim, holdCount, NtmError });
