/**
 * The paper's network: every part on a host (network namespace) of its own, on one wire, and two NATs.
 *
 *   AS  DC_MN  NS_MN  RS  DC_CN  NS_CN        192.0.2.0/24, one wire
 *   MN                                        there, until it is moved behind NAT_MN
 *   NAT_CN -- CN     NAT_MN -- (MN)           10.0.0.0/24, both; a new port for each destination
 *
 * Zones a.example (MN's) and b.example (CN's) are delegated by a resolver of ordinary make (dnsmasq), which the DCs ask.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeRandom } from '../../core/runtime-node';
import { figureOf, type Figure, type Part } from '../../core/wire/figures';
import { hashPassword } from '../../servers/account/password';
import { formatKey, serverKey } from '../../servers/serve/server-key';
import { openSqliteStore } from '../../servers/store/sqlite-store';
import { passwordOf } from './network';
import { projectRoot, temporaryDirectory } from './paths';
import { differences, isComplete, type Conditions, type Traces } from './paper-steps';
import { killRunning, Program } from './processes';
import { findProgram, serverEnvironment } from './servers';
import { readTrace, traced, type TraceLine } from './trace-watch';

const SERVERS = { AS: 10, DC_MN: 11, DC_CN: 12, NS_MN: 13, NS_CN: 14, RS: 15 } as const;
type Server = keyof typeof SERVERS;
type Place = Part | 'wire' | 'NAT_MN' | 'NAT_CN';

const PLACES: readonly Place[] = ['wire', ...(Object.keys(SERVERS) as Server[]), 'MN', 'CN', 'NAT_MN', 'NAT_CN'];
const ON_WIRE = { ...SERVERS, MN: 20, NAT_CN: 30, NAT_MN: 31 } as const;
const RESOLVER = '192.0.2.1';
const PORT = 4_500;
const ZONES = { MN: 'a.example', CN: 'b.example' } as const;
const KINDS = { AS: 'as', DC_MN: 'dc', DC_CN: 'dc', NS_MN: 'ns', NS_CN: 'ns', RS: 'rs' } as const;

const onWire = (place: keyof typeof ON_WIRE): string => `192.0.2.${ON_WIRE[place]}`;

export class FigureLab {
  private readonly suffix = process.pid.toString(36);
  private readonly dir = temporaryDirectory();
  private as = '';
  private marks: Partial<Record<Part, number>> = {};

  constructor(readonly withNotification: boolean) {}

  async start(): Promise<void> {
    for (const place of PLACES) {
      ip('netns', 'add', this.namespace(place));
      this.ip(place, 'link', 'set', 'lo', 'up');
    }
    this.ip('wire', 'link', 'add', 'wire', 'type', 'bridge');
    this.ip('wire', 'address', 'add', `${RESOLVER}/24`, 'dev', 'wire');
    this.ip('wire', 'link', 'set', 'wire', 'up');
    for (const place of Object.keys(ON_WIRE) as (keyof typeof ON_WIRE)[]) this.plugIntoWire(place);
    this.nat('NAT_CN', 'CN');
    this.nat('NAT_MN');
    await this.startResolver();
    await this.startServers();
  }

  get fqdn(): Record<'MN' | 'CN', string> {
    return { MN: `alice.${ZONES.MN}`, CN: `bob.${ZONES.CN}` };
  }

  /** `node args` with the preload. */
  program(part: 'MN' | 'CN', args: readonly string[]): Program {
    const account = part === 'MN' ? 'alice' : 'bob';
    return this.node(part, ['-r', 'ntmobile/register', ...args], {
      NTMOBILE_AS: this.as,
      NTMOBILE_ACCOUNT: account,
      NTMOBILE_PASSWORD: passwordOf(account),
      NTMOBILE_STATE_DIR: join(this.dir, account),
      NTMOBILE_DOMAINS: ZONES.CN, // before the AS has told them
      NTMOBILE_TRACE: this.traceFile(part),
    });
  }

  /** CN has joined, whole. */
  async joined(): Promise<void> {
    const last = this.withNotification ? 16 : 17;
    await traced(this.traceFile('CN'), (all) => all.some(({ figure, step }) => figure === 4 && step === last));
  }

  /** Its tunnel was constructed on such a path since the mark (what was begun before it may come to its end after it). */
  async established(part: 'MN' | 'CN', path: RegExp): Promise<void> {
    const since = this.marks[part] ?? 0;
    const isIt = (line: TraceLine): boolean => line.event === 'established' && path.test(String(line['path']));
    await traced(this.traceFile(part), (all) => all.slice(since).some(isIt));
  }

  /** MN's cable is drawn from the wire and plugged into the NAT, or back. Its host gets an address of that network. */
  move(to: 'behind NAT_MN' | 'wire'): void {
    const [from, there] = to === 'wire' ? (['NAT_MN', 'wire'] as const) : (['wire', 'NAT_MN'] as const);
    this.ip('MN', 'address', 'flush', 'dev', 'cable');
    this.ip(from, 'link', 'set', 'MN', 'netns', this.namespace(there));
    if (to === 'wire') {
      this.ip('wire', 'link', 'set', 'MN', 'master', 'wire', 'up');
      this.ip('MN', 'address', 'add', `${onWire('MN')}/24`, 'dev', 'cable');
    } else {
      this.ip('NAT_MN', 'address', 'add', '10.0.0.1/24', 'dev', 'MN');
      this.ip('NAT_MN', 'link', 'set', 'MN', 'up');
      this.ip('MN', 'address', 'add', '10.0.0.2/24', 'dev', 'cable');
      this.ip('MN', 'route', 'add', 'default', 'via', '10.0.0.1');
    }
  }

  /** What is traced from now on is compared. */
  mark(): void {
    this.marks = Object.fromEntries(this.parts.map((part) => [part, readTrace(this.traceFile(part)).length]));
  }

  /** Of one part, since the mark. */
  trace(part: Part): TraceLine[] {
    return readTrace(this.traceFile(part)).slice(this.marks[part] ?? 0);
  }

  /** Waits until every part has traced all that it has to; what is then wrong with the order, or too much. */
  async compare(number: Figure['number'], more: Conditions = {}): Promise<string[]> {
    const figure = figureOf(number);
    const conditions = { withNotification: this.withNotification, ...more };
    const parts = figure.parts.filter((part) => this.parts.includes(part));
    const traces: Traces = Object.fromEntries(
      await Promise.all(
        parts.map(async (part) => {
          const sinceMark = (all: TraceLine[]): TraceLine[] => all.slice(this.marks[part] ?? 0);
          const done = (all: TraceLine[]): boolean => isComplete(part, figure, sinceMark(all), conditions);
          return [part, sinceMark(await traced(this.traceFile(part), done))] as const;
        }),
      ),
    );
    return differences(figure, traces, conditions);
  }

  async stop(): Promise<string[]> {
    const servers = this.servers;
    for (const server of servers) server.terminate();
    await Promise.all(servers.map(({ ended }) => ended));
    const left = await killRunning();
    for (const place of PLACES) {
      try {
        ip('netns', 'delete', this.namespace(place));
      } catch {
        // It was not made.
      }
    }
    rmSync(this.dir, { recursive: true });
    return left;
  }

  private readonly servers: Program[] = [];

  private get parts(): Part[] {
    const servers = (Object.keys(SERVERS) as Server[]).filter((server) => this.isThere(server));
    return ['MN', 'CN', ...servers];
  }

  private isThere(server: Server): boolean {
    return this.withNotification || KINDS[server] !== 'ns';
  }

  private plugIntoWire(place: keyof typeof ON_WIRE): void {
    const [host, wire] = [this.namespace(place), this.namespace('wire')];
    ip('link', 'add', 'cable', 'netns', host, 'type', 'veth', 'peer', 'name', place, 'netns', wire);
    this.ip('wire', 'link', 'set', place, 'master', 'wire', 'up');
    this.ip(place, 'address', 'add', `${onWire(place)}/24`, 'dev', 'cable');
    this.ip(place, 'link', 'set', 'cable', 'up');
  }

  /** Address and port dependent mapping and filtering (RFC 4787). */
  private nat(nat: 'NAT_MN' | 'NAT_CN', inside?: 'CN'): void {
    if (inside) {
      const [host, router] = [this.namespace(inside), this.namespace(nat)];
      ip('link', 'add', 'cable', 'netns', host, 'type', 'veth', 'peer', 'name', inside, 'netns', router);
      this.ip(nat, 'address', 'add', '10.0.0.1/24', 'dev', inside);
      this.ip(nat, 'link', 'set', inside, 'up');
      this.ip(inside, 'address', 'add', '10.0.0.2/24', 'dev', 'cable');
      this.ip(inside, 'link', 'set', 'cable', 'up');
      this.ip(inside, 'route', 'add', 'default', 'via', '10.0.0.1');
    }
    execFileSync('ip', ['netns', 'exec', this.namespace(nat), 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    const rules = `
      table ip nat {
        chain out { type nat hook postrouting priority 100; oifname cable masquerade fully-random; }
        chain through { type filter hook forward priority 0; policy drop; ct state established accept; iifname != cable accept; }
      }`;
    execFileSync('ip', ['netns', 'exec', this.namespace(nat), 'nft', '-f', '-'], { input: rules });
  }

  private async startResolver(): Promise<void> {
    const zones = [`/${ZONES.MN}/${onWire('DC_MN')}`, `/${ZONES.CN}/${onWire('DC_CN')}`];
    const args = ['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root'];
    const here = [`--listen-address=${RESOLVER}`, '--bind-interfaces', '--pid-file=', '--log-facility=-'];
    const command = [await findProgram('dnsmasq'), ...args, ...here, ...zones.map((zone) => `--server=${zone}`)];
    const inside = ['netns', 'exec', this.namespace('wire'), 'sh', '-c', 'exec "$@" 2>&1', 'sh', ...command];
    const resolver = Program.command('ip', inside, await serverEnvironment());
    this.servers.push(resolver);
    await resolver.line((line) => line.includes('started'));
  }

  private async startServers(): Promise<void> {
    const as = await this.serve('AS', {
      zone: ZONES.MN,
      coordinators: (['MN', 'CN'] as const).map((side) => ({
        ...{ zone: ZONES[side], key: this.keyOf(`DC_${side}`), endpoint: `${onWire(`DC_${side}`)}:${PORT}` },
      })),
    });
    this.as = as['NTMOBILE_AS']!;
    await this.addAccounts();
    await Promise.all((['MN', 'CN'] as const).map((side) => this.serveCoordinator(side)));
    const others = (['NS_MN', 'NS_CN', 'RS'] as const).filter((server) => this.isThere(server));
    await Promise.all(
      others.map((server) => {
        const side = server === 'NS_CN' ? 'CN' : 'MN';
        const coordinator = {
          zone: ZONES[side],
          endpoint: `${onWire(`DC_${side}`)}:${PORT}`,
          key: this.keyOf(`DC_${side}`),
        };
        return this.serve(server, { name: server.toLowerCase().replace('_', '-'), coordinator });
      }),
    );
  }

  private serveCoordinator(side: 'MN' | 'CN'): Promise<unknown> {
    const servers = ([`NS_${side}`, ...(side === 'MN' ? (['RS'] as const) : [])] as const).filter((server) =>
      this.isThere(server),
    );
    return this.serve(`DC_${side}`, {
      ...{ zone: ZONES[side], accountServer: this.as, dns: `${onWire(`DC_${side}`)}:53`, resolver: [RESOLVER] },
      servers: servers.map((server) => ({
        ...{ kind: KINDS[server], name: server.toLowerCase().replace('_', '-'), key: this.keyOf(server) },
      })),
    });
  }

  /** What it says of itself, once it serves. */
  private async serve(server: Server, more: object): Promise<Record<string, string>> {
    const file = join(this.dir, `${server}.json`);
    const common = { dir: join(this.dir, server), listen: `${onWire(server)}:${PORT}`, trace: this.traceFile(server) };
    writeFileSync(file, JSON.stringify({ ...common, ...more }));
    const args = ['serve', KINDS[server], '--config', file, '--json'];
    const program = this.node(server, [join(projectRoot, 'dist/cli/main.js'), ...args], {});
    this.servers.push(program);
    return (JSON.parse(await program.line()) as { about: Record<string, string> }).about;
  }

  private async addAccounts(): Promise<void> {
    const store = openSqliteStore(join(this.dir, 'AS'));
    for (const [name, zone] of [
      ['alice', ZONES.MN],
      ['bob', ZONES.CN],
    ] as const) {
      await store.accounts.add(name, await hashPassword(passwordOf(name), nodeRandom), 0, zone);
    }
    store.close();
  }

  private keyOf(server: Server): string {
    return formatKey(serverKey(join(this.dir, server), nodeRandom).publicKey);
  }

  private traceFile(part: Part): string {
    return join(this.dir, `${part}.ndjson`);
  }

  private node(place: Place, args: readonly string[], env: NodeJS.ProcessEnv): Program {
    return Program.command('ip', ['netns', 'exec', this.namespace(place), process.execPath, ...args], env);
  }

  private namespace(place: Place): string {
    return `figures-${place.toLowerCase().replace('_', '-')}-${this.suffix}`;
  }

  private ip(place: Place, ...args: string[]): void {
    ip('-n', this.namespace(place), ...args);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
