/** Puts the shim into this process: from here on Node's sockets and names reach the virtual network. */
import { syncBuiltinESMExports } from 'node:module';
import type { VirtualNetwork } from '../core/virtual-network';
import { hookSend } from './hooks/child-process';
import { hookClusterWorker } from './hooks/cluster';
import { hookDns } from './hooks/dns';
import { hookDnsPromises } from './hooks/dns-promises';
import { hookListen } from './hooks/listen';
import { hookDatagrams } from './hooks/dgram';
import { hookNativePackages } from './hooks/native-packages';
import { hookConnect } from './hooks/net';
import { hookOs } from './hooks/os';
import { hookProcess } from './hooks/process';
import { hookWorkers } from './hooks/worker-threads';
import { isClusterWorker } from './node-internals';
import { Patches } from './patch';
import type { ShimOptions } from './policy';
import { onFirstStreamHandle } from './virtual-handles';

export interface Shim {
  /** Puts everything back. Sockets that are virtual already stay so. */
  restore(): void;
}

export function installShim(network: VirtualNetwork, options: ShimOptions): Shim {
  const patches = new Patches();
  hookConnect(network, patches, hookListen(network, patches, options.listen));
  hookDatagrams(network, patches, options.listen);
  hookDns(network, patches);
  hookDnsPromises(network, patches);
  hookOs(network, patches);
  hookProcess(patches);
  hookSend(patches);
  hookNativePackages(patches, options.warns ?? true);
  if (isClusterWorker()) hookClusterWorker(patches);
  if (options.preload !== undefined) hookWorkers(network, patches, { ...options, preload: options.preload });
  // `tls` costs milliseconds to load, and nothing can attach to a virtual handle before there is one.
  onFirstStreamHandle(() => {
    const { hookTls } = require('./hooks/tls') as typeof import('./hooks/tls');
    hookTls(patches);
  });
  syncBuiltinESMExports(); // so that `import { lookup } from 'node:dns'` sees the hooks too
  return {
    restore() {
      patches.restore();
      syncBuiltinESMExports();
    },
  };
}
