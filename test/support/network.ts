/** An NTMobile network for end-to-end tests: `ntmobile up` in a process of its own, and programs that join it. */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nodeRandom } from '../../core/runtime-node';
import type { Endpoint } from '../../core/wire/addresses';
import { hashPassword } from '../../servers/account/password';
import { openSqliteStore } from '../../servers/store/sqlite-store';
import { freePort } from './free-ports';
import { projectRoot, temporaryDirectory } from './paths';
import { killRunning, Program } from './processes';
import { hasJoined, readTrace, traced, type TraceLine } from './trace-watch';

export const commandFile = join(projectRoot, 'dist/cli/main.js');

export type ServerName = 'as' | 'dc' | 'dns' | 'ns' | 'rs' | 'cs';

/** The line that `ntmobile up --json` prints once it is ready. */
export interface JoinLine {
  readonly as: string;
  readonly zone: string;
  readonly accounts: readonly { readonly name: string; readonly fqdn: string }[];
  readonly servers: Readonly<Record<ServerName, string | Endpoint>>;
}

export interface NodeOptions {
  /** Names the state directory and the trace file; default: the account. One node, one name. */
  readonly node?: string;
  readonly password?: string;
  readonly as?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export function ntmobile(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  return Program.node([commandFile, ...args], env);
}

export class Network {
  private constructor(
    readonly dir: string,
    readonly up: Program,
    readonly join: JoinLine,
  ) {}

  static async start(
    accounts: readonly string[] = ['alice', 'bob'],
    dir = temporaryDirectory(),
    more: readonly string[] = [],
  ): Promise<Network> {
    const servers = join(dir, 'servers');
    const options = accounts.flatMap((name) => ['--account', `${name}:${passwordOf(name)}`]);
    // A restart takes the port of last time again, if it is free: none that the system may give away meanwhile.
    if (!existsSync(servers)) options.push('--as-port', `${await freePort()}`);
    const up = ntmobile(['up', '--dir', servers, ...options, ...more, '--json'], {
      NTMOBILE_TRACE: join(dir, 'up.ndjson'),
    });
    return new Network(dir, up, JSON.parse(await up.line()) as JoinLine);
  }

  /** `node -r ntmobile/register args`, as `account`. */
  program(account: string, args: readonly string[], options: NodeOptions = {}): Program {
    return Program.node(['-r', 'ntmobile/register', ...args], this.environment(account, options));
  }

  environment(account: string, options: NodeOptions = {}): NodeJS.ProcessEnv {
    return nodeEnvironment(this.dir, this.join.as, account, options);
  }

  fqdn(account: string): string {
    const found = this.join.accounts.find(({ name }) => name === account);
    assert.ok(found, `up named account ${account}`);
    return found.fqdn;
  }

  server(name: ServerName): Endpoint {
    const stated = this.join.servers[name];
    return typeof stated === 'string' ? parseEndpoint(stated) : stated;
  }

  /** `who`: `up`, or the name of a node. */
  traceFile(who: string): string {
    return join(this.dir, `${who}.ndjson`);
  }

  /** Waits until the trace of `who` holds what is wanted. */
  async traced(who: string, wanted: (events: TraceLine[]) => boolean): Promise<TraceLine[]> {
    return traced(this.traceFile(who), wanted);
  }

  trace(who: string): TraceLine[] {
    return readTrace(this.traceFile(who));
  }

  /** Ends the servers, which must end cleanly; then nothing that the test started may still run. */
  async close(): Promise<void> {
    this.up.terminate();
    const end = await this.up.ended;
    const left = await killRunning();
    rmSync(this.dir, { recursive: true, force: true });
    assert.deepEqual(end, { code: 0, signal: null }, `ntmobile up ends cleanly: ${this.up.errors}`);
    assert.deepEqual(left, [], 'no program is left running');
  }
}

/** Of a node whose state and trace are in `dir`. */
export function nodeEnvironment(
  dir: string,
  as: string,
  account: string,
  { node = account, password = passwordOf(account), ...more }: NodeOptions = {},
): NodeJS.ProcessEnv {
  return {
    NTMOBILE_AS: more.as ?? as,
    NTMOBILE_ACCOUNT: account,
    NTMOBILE_PASSWORD: password,
    NTMOBILE_STATE_DIR: join(dir, `state-${node}`),
    NTMOBILE_TRACE: join(dir, `${node}.ndjson`),
    ...more.env,
  };
}

/** Straight into the store of an AS, which may run or not. */
export async function addAccounts(dir: string, names: readonly string[]): Promise<void> {
  const store = openSqliteStore(dir);
  for (const name of names) await store.accounts.add(name, await hashPassword(passwordOf(name), nodeRandom), 0);
  store.close();
}

export function passwordOf(account: string): string {
  return `password-of-${account}`;
}

function parseEndpoint(text: string): Endpoint {
  const match = /^\[?(.+?)\]?:(\d+)$/.exec(text);
  assert.ok(match, `${text} is an endpoint`);
  return { address: match[1]!, port: Number(match[2]) };
}

export function testProgram(name: string): string {
  return join(projectRoot, 'test/e2e/programs', name);
}

export function example(name: string): string {
  return join(projectRoot, 'examples', name);
}

/** What a server says: `listening on PORT [PORT]`. Its node may have yet to join. */
export async function listeningPortsOf(server: Program): Promise<number[]> {
  const line = await server.line((said) => said.startsWith('listening on '));
  return (line.match(/\d+/g) ?? []).map(Number);
}

/** The same, once its node, if it is one, has joined: it can be dialled. Call `stop` before the network closes. */
export async function portsOf(server: Program): Promise<number[]> {
  const ports = await listeningPortsOf(server);
  const trace = server.env.NTMOBILE_TRACE;
  if (trace) await traced(trace, (events) => hasJoined(events, server));
  return ports;
}

/** Ends a server program by SIGTERM; it must end by itself then, with code 0. */
export async function stop(server: Program): Promise<void> {
  server.terminate();
  await server.finish();
}
