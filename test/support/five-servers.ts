/** A network of five `ntmobile serve` processes on loopback, each with a directory and a file of settings of its own. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatJoinUrl } from '../../core/join-url';
import { nodeRandom } from '../../core/runtime-node';
import { formatKey, serverKey } from '../../servers/serve/server-key';
import type { Kind } from '../../servers/serve/settings';
import { freePorts } from './free-ports';
import { addAccounts, commandFile, nodeEnvironment, ntmobile, passwordOf } from './network';
import { temporaryDirectory } from './paths';
import { killRunning, Program, type End } from './processes';

export const kinds: readonly Kind[] = ['as', 'dc', 'ns', 'rs', 'cs'];
export const ZONE = 'ntm.test';

type Ports = Readonly<Record<Kind | 'dns' | 'metrics', number>>;

export class FiveServers {
  readonly running = new Map<Kind, Program>();
  private mounts: Program | undefined;
  /** Everything that the servers have said in logs, of processes that are over, too. */
  private readonly over: Program[] = [];

  private constructor(
    readonly dir: string,
    readonly ports: Ports,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Settings and keys are made; nothing is started. */
  static async make(env: NodeJS.ProcessEnv = {}): Promise<FiveServers> {
    const names = [...kinds, 'dns', 'metrics'] as const;
    const free = await freePorts(names.length);
    const ports = Object.fromEntries(names.map((name, i) => [name, free[i]!])) as Ports;
    const network = new FiveServers(temporaryDirectory(), ports, env);
    for (const kind of kinds) network.write(kind);
    return network;
  }

  get joinUrl(): string {
    const { publicKey } = serverKey(join(this.dir, 'as'), nodeRandom);
    return formatJoinUrl({ host: '127.0.0.1', port: this.ports.as, publicKey, zone: ZONE });
  }

  settings(kind: Kind): Record<string, unknown> {
    const listen = `127.0.0.1:${this.ports[kind]}`;
    const key = (of: Kind): string => formatKey(serverKey(join(this.dir, of), nodeRandom).publicKey);
    const common = { dir: kind, listen, trace: `${kind}.ndjson`, ...(kind === 'dc' && this.metrics) };
    const coordinator = { zone: ZONE, endpoint: `127.0.0.1:${this.ports.dc}`, key: key('dc') };
    switch (kind) {
      case 'as':
        return { ...common, zone: ZONE, coordinators: [{ zone: ZONE, key: key('dc') }] };
      case 'dc': {
        const servers = (['ns', 'rs', 'cs'] as const).map((of) => ({ kind: of, name: `${of}1`, key: key(of) }));
        const dns = `127.0.0.1:${this.ports.dns}`;
        return { ...common, zone: ZONE, accountServer: this.joinUrl, dns, servers, resolver: ['127.0.0.1'] };
      }
      case 'ns':
      case 'rs':
        return { ...common, name: `${kind}1`, coordinator, ...(kind === 'rs' && { drainSeconds: 1 }) };
      case 'cs':
        return { ...common, name: 'cs1', coordinator };
      default:
        return kind satisfies never;
    }
  }

  write(kind: Kind, changed: Record<string, unknown> = {}): string {
    mkdirSync(this.dir, { recursive: true });
    const path = this.file(kind);
    writeFileSync(path, `// ${kind}\n${JSON.stringify({ ...this.settings(kind), ...changed }, undefined, 2)}\n`);
    return path;
  }

  file(kind: Kind): string {
    return join(this.dir, `${kind}.json`);
  }

  start(kind: Kind): Program {
    assert.ok(!this.running.has(kind), `${kind} does not run yet`);
    const program = this.command(['serve', kind, '--config', this.file(kind), '--json']);
    this.running.set(kind, program);
    return program;
  }

  /** Resolves once it serves. */
  async serving(kind: Kind): Promise<Record<string, string>> {
    const line = await this.running.get(kind)!.line();
    return (JSON.parse(line) as { about: Record<string, string> }).about;
  }

  async end(kind: Kind, signal: 'SIGTERM' | 'SIGKILL'): Promise<End> {
    const program = this.running.get(kind)!;
    this.running.delete(kind);
    this.over.push(program);
    program.signal(signal);
    return program.ended;
  }

  /** In the store of the AS. */
  async addAccounts(...names: string[]): Promise<void> {
    await addAccounts(join(this.dir, 'as'), names);
  }

  /** `account add`, as it goes. */
  account(name: string): Program {
    return this.command(['account', 'add', `${name}:${passwordOf(name)}`, '--dir', join(this.dir, 'as')]);
  }

  /** Gives the servers' directories a small disk, which only they see. Before anything is started. */
  async useSmallDisk(size: string): Promise<string> {
    const script = `
      set -e; mkdir "$0/disk"; mount -t tmpfs -o size=${size} tmpfs "$0/disk"
      for each in ${kinds.join(' ')}; do cp -a "$0/$each" "$0/disk/"; mount --bind "$0/disk/$each" "$0/$each"; done
      echo mounted; exec sleep infinity`;
    const holder = Program.command('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, this.dir]);
    await holder.line();
    this.mounts = holder;
    return `/proc/${holder.pid}/root${this.dir}/disk`;
  }

  private command(args: readonly string[]): Program {
    if (!this.mounts) return ntmobile(args, this.env);
    const inside = ['--target', `${this.mounts.pid}`, '--mount', process.execPath, commandFile];
    return Program.command('nsenter', [...inside, ...args], { ...noSettings(), ...this.env });
  }

  environment(account: string, env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return nodeEnvironment(this.dir, this.joinUrl, account, { env });
  }

  /** Of the coordinator, whose metrics endpoint is open. */
  get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.ports.metrics}${path}`);
  }

  logs(): string {
    return [...this.over, ...this.running.values()].map(({ errors }) => errors).join('');
  }

  /** Everything ends; servers cleanly. */
  async close(): Promise<void> {
    const ends = await Promise.all([...this.running.keys()].map((kind) => this.end(kind, 'SIGTERM')));
    await this.mounts?.kill();
    const left = await killRunning();
    rmSync(this.dir, { recursive: true, force: true });
    for (const end of ends) assert.deepEqual(end, { code: 0, signal: null }, `a server ends cleanly: ${this.logs()}`);
    assert.deepEqual(left, [], 'no program is left running');
  }

  private get metrics(): object {
    return { metrics: `127.0.0.1:${this.ports.metrics}` };
  }
}

/** Of whoever runs the tests. */
function noSettings(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => name.startsWith('NTMOBILE_'));
  return Object.fromEntries(names.map((name) => [name, '']));
}
