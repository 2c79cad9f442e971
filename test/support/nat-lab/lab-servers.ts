/** The servers of the lab: AS, DC, NS and two RS, each a process by `ntmobile serve` on a public host of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeRandom } from '../../../core/runtime-node';
import type { Kind } from '../../../servers/serve/settings';
import { formatKey, serverKey } from '../../../servers/serve/server-key';
import { addAccounts, commandFile } from '../network';
import { Program } from '../processes';
import type { Family, Internet } from './internet';
import type { Namespaces } from './namespaces';

export const ZONE = 'reach.internal';
/** Nodes that dial are of the one, nodes that are dialled of the other. */
export const ACCOUNTS = ['dials', 'hears'] as const;

const SERVERS = ['as', 'dc', 'ns1', 'rs1', 'rs2'] as const;
type Server = (typeof SERVERS)[number];
/** Where those without UDP come to. */
const TLS_PORT = 443;
const PORTS = { as: 4_500, dc: 4_501, ns: 4_502, rs: 4_503 } as const;
type ServedKind = keyof typeof PORTS;

const kindOf = (server: Server): ServedKind => server.replace(/\d/, '') as ServedKind & Kind;
const BOTH: readonly Family[] = [4, 6];

export class LabServers {
  private readonly running: Program[] = [];
  private readonly addresses: Record<Server, Record<Family, string>>;

  constructor(
    private readonly namespaces: Namespaces,
    internet: Internet,
    private readonly dir: string,
  ) {
    const plugIn = (server: Server): Record<Family, string> => {
      namespaces.add(server);
      return internet.connect([server, 'cable'], BOTH).addresses;
    };
    this.addresses = Object.fromEntries(SERVERS.map((server) => [server, plugIn(server)])) as typeof this.addresses;
  }

  async start(): Promise<void> {
    await addAccounts(join(this.dir, 'as'), ACCOUNTS);
    const [as, dc, ...others] = SERVERS; // each waits for the one before
    await this.serve(as);
    await this.serve(dc);
    await Promise.all(others.map((server) => this.serve(server)));
  }

  /** NTMOBILE_AS for a host with this IP version. */
  joinUrl(family: Family): string {
    return `ntmobile://${this.endpoint('as', family)}/?key=${this.key('as')}&zone=${ZONE}`;
  }

  async end(): Promise<void> {
    for (const server of this.running) server.terminate();
    await Promise.all(this.running.map(({ ended }) => ended));
  }

  private async serve(server: Server): Promise<void> {
    const file = join(this.dir, `${server}.json`);
    writeFileSync(file, JSON.stringify(this.settings(server)));
    const args = [process.execPath, commandFile, 'serve', kindOf(server), '--config', file, '--json'];
    const [command = '', ...rest] = [...this.namespaces.commandAt(server), ...args];
    const program = Program.command(command, rest);
    this.running.push(program);
    await program.line();
  }

  private settings(server: Server): object {
    const kind = kindOf(server);
    const both = BOTH.map((family) => this.endpoint(server, family));
    const common = { dir: join(this.dir, server), listen: both, log: 'error' };
    const coordinator = { zone: ZONE, key: this.key('dc') };
    const tls = { listen: BOTH.map((family) => this.endpoint(server, family, TLS_PORT)) };
    switch (kind) {
      case 'as':
        return { ...common, tls, zone: ZONE, coordinators: [coordinator] };
      case 'dc': {
        const others = SERVERS.filter((other) => other !== 'as' && other !== 'dc');
        const servers = others.map((name) => ({ kind: kindOf(name), name, key: this.key(name) }));
        return { ...common, tls, zone: ZONE, accountServer: this.joinUrl(4), servers, resolver: ['127.0.0.1'] };
      }
      case 'ns':
        return {
          ...common,
          listen: both[0],
          name: server,
          coordinator: this.coordinator(coordinator),
          drainSeconds: 1,
        };
      case 'rs':
        return {
          ...common,
          tls,
          name: server,
          workers: 1,
          coordinator: this.coordinator(coordinator),
          drainSeconds: 1,
        };
      default:
        return kind satisfies never;
    }
  }

  private coordinator(known: object): object {
    return { ...known, endpoint: this.endpoint('dc', 4) };
  }

  private endpoint(server: Server, family: Family, port: number = PORTS[kindOf(server)]): string {
    const address = this.addresses[server][family];
    return `${family === 6 ? `[${address}]` : address}:${port}`;
  }

  private key(server: Server): string {
    return formatKey(serverKey(join(this.dir, server), nodeRandom).publicKey);
  }
}
