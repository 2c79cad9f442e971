/** A network of servers that run by themselves, on loopback: an AS, a DC and several RS, each a process of its own. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeRandom } from '../../core/runtime-node';
import { formatKey, serverKey } from '../../servers/serve/server-key';
import { freePorts } from './free-ports';
import { addAccounts, nodeEnvironment, ntmobile } from './network';
import { temporaryDirectory } from './paths';
import { killRunning, Program } from './processes';
import { readTrace, type TraceLine } from './trace-watch';

const ZONE = 'relays.internal';

export interface ServedRelay {
  readonly name: string;
  readonly port: number;
  readonly metricsPort: number;
  process: Program;
}

export class ServedNetwork {
  readonly relays: ServedRelay[] = [];
  private readonly dir = temporaryDirectory();
  private joinUrl = '';
  private dcPort = 0;

  static async start(relays: number, settings: object = {}): Promise<ServedNetwork> {
    const network = new ServedNetwork();
    await network.start(relays, settings);
    return network;
  }

  program(account: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const joining = nodeEnvironment(this.dir, this.joinUrl, account, { env });
    return Program.node(['-r', 'ntmobile/register', ...args], joining);
  }

  fqdn(account: string): string {
    return `${account}.${ZONE}`;
  }

  trace(account: string): TraceLine[] {
    return readTrace(join(this.dir, `${account}.ndjson`));
  }

  /** Again, after it has ended, with the same settings. */
  async startRelay(relay: ServedRelay): Promise<void> {
    relay.process = ntmobile(['serve', 'rs', '--config', this.file(relay.name), '--json']);
    await relay.process.line();
  }

  /** One of its figures, of all labels together. */
  async figure(relay: ServedRelay, name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${relay.metricsPort}/metrics`);
    const lines = (await response.text()).split('\n').filter((line) => line.startsWith(`ntmobile_${name}`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async close(): Promise<void> {
    for (const { process } of this.relays) process.terminate();
    await Promise.all(this.relays.map(({ process }) => process.ended));
    await killRunning();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async start(relays: number, settings: object): Promise<void> {
    const [asPort, dcPort] = await freePorts(2);
    this.dcPort = dcPort!;
    await addAccounts(join(this.dir, 'as'), ['alice', 'bob']);
    const coordinators = [{ zone: ZONE, key: this.key('dc') }];
    const as = await this.serve('as', 'as', { listen: `127.0.0.1:${asPort}`, zone: ZONE, coordinators });
    this.joinUrl = as['NTMOBILE_AS']!;
    const names = Array.from({ length: relays }, (_, i) => `rs${i + 1}`);
    await this.serve('dc', 'dc', {
      ...{ listen: `127.0.0.1:${dcPort}`, zone: ZONE, accountServer: this.joinUrl },
      servers: names.map((name) => ({ kind: 'rs', name, key: this.key(name) })),
    });
    for (const name of names) await this.addRelay(name, settings);
  }

  private async addRelay(name: string, settings: object): Promise<void> {
    const [port, metricsPort] = await freePorts(2);
    const coordinator = { zone: ZONE, endpoint: `127.0.0.1:${this.dcPort}`, key: this.key('dc') };
    const listen = { listen: `127.0.0.1:${port}`, metrics: `127.0.0.1:${metricsPort}` };
    this.write(name, { dir: name, name, ...listen, coordinator, ...settings });
    const relay = { name, port, metricsPort } as ServedRelay;
    await this.startRelay(relay);
    this.relays.push(relay);
  }

  private async serve(kind: 'as' | 'dc', name: string, settings: object): Promise<Record<string, string>> {
    this.write(name, { dir: name, trace: `${name}.ndjson`, ...settings });
    const server = ntmobile(['serve', kind, '--config', this.file(name), '--json']);
    return (JSON.parse(await server.line()) as { about: Record<string, string> }).about;
  }

  private write(name: string, settings: object): void {
    writeFileSync(this.file(name), JSON.stringify(settings));
  }

  private file(name: string): string {
    return join(this.dir, `${name}.json`);
  }

  private key(name: string): string {
    return formatKey(serverKey(join(this.dir, name), nodeRandom).publicKey);
  }
}
