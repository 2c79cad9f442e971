/**
 * npm run bench -- load [--nodes 1000,10000,100000]: what one DC process carries, and what a node costs it. Real servers
 * (`ntmobile serve`) on loopback, the nodes in another process (load/generator.mjs). "Per core" is per second of the
 * server's own processor time: the two share the machine.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { firstLine } from './lab.mjs';
import { loopback } from './lan.mjs';
import { Inspected } from './load/inspected.mjs';
import { cpuMs, password, ServedNetwork } from './served-network.mjs';

const require = createRequire(import.meta.url);
const { openSqliteStore } = require(join(import.meta.dirname, '..', 'dist', 'servers/store/sqlite-store.js'));
const ZONE = 'load.bench';

export class LoadedNetwork {
  async start({ ns = false } = {}) {
    const flags = ['--inspect=127.0.0.1:0'];
    this.network = new ServedNetwork(loopback, { zones: [ZONE], ns, accounts: { alice: ZONE }, flags });
    await this.network.start();
    this.inspected = await Inspected.of(this.network.inspectorOf('dc0'));
    const secret = readFileSync(join(this.network.dirOf('as'), 'server.key'), 'utf8').trim();
    const settings = {
      ...{ zone: ZONE, accountServerSecret: secret, coordinatorKey: this.network.keyOf('dc0') },
      ...{ accountServer: this.network.endpointOf('as'), coordinator: this.network.endpointOf('dc0') },
      ...{ account: 'alice', password },
    };
    const program = join(import.meta.dirname, 'load', 'generator.mjs');
    this.generator = this.network.spawn('mn', [program, JSON.stringify(settings)], { ipc: true });
    await once(this.generator, 'message');
    return this;
  }

  /** What the generator did, with the processor time that a server took for it. */
  async run(task, server = 'dc0') {
    const pid = this.network.pidOf(server);
    const beforeMs = cpuMs(pid);
    this.generator.send(task);
    const [outcome] = await once(this.generator, 'message');
    if (outcome.error || outcome.failed > 0)
      throw new Error(`${task.do}: ${outcome.failed} failed: ${outcome.why ?? outcome.error}`);
    const cpuSeconds = (cpuMs(pid) - beforeMs) / 1000;
    return { ...outcome, cpuSeconds, perCore: outcome.count / cpuSeconds };
  }

  async close() {
    this.inspected?.close();
    await this.network?.close();
  }
}
