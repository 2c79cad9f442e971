/**
 * Servers that are not ours, for programs of tests to talk to: each test starts its own, in a directory of its own.
 * Where one is missing its tests are skipped and say so; with NTMOBILE_LAB=required, as in CI, they fail instead.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from './free-ports';
import { decideLab } from './lab';
import { projectRoot } from './paths';
import { Program } from './processes';

interface TestServers {
  findServer(program: string): string | undefined;
  serverLibraries(): string;
}

/** From the set-up scripts: an ES module, which a CommonJS test can load only late. */
async function testServers(): Promise<TestServers> {
  return (await import(pathToFileURL(join(projectRoot, 'scripts/setup/test-servers.mjs')).href)) as TestServers;
}

/** `describe` for tests that need these programs. What is missing is known when the tests begin. */
export function describeWith(programs: readonly string[], title: string, define: (this: Mocha.Suite) => void): void {
  describe(title, function () {
    before(async function () {
      const { findServer } = await testServers();
      const missing = programs.filter((program) => !findServer(program));
      const all = { root: true, namespaces: true, nftables: true };
      const decision = decideLab(process.env['NTMOBILE_LAB'], all, missing);
      if (decision.run) return;
      if (decision.fail) throw new Error(decision.reason);
      process.stdout.write(`skipped: ${title}: ${decision.reason}\n`);
      this.skip();
    });
    define.call(this);
  });
}

/** Starts one of those programs. PostgreSQL refuses root, so as root it believes to be nobody (user_namespaces(7)). */
export async function runServer(program: string, args: readonly string[], log?: 'errors as output'): Promise<Program> {
  const command = [await findProgram(program), ...args];
  if (log) command.unshift('sh', '-c', 'exec "$@" 2>&1', 'sh');
  if (process.getuid?.() === 0) {
    command.unshift('unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`);
  }
  return Program.command(command[0]!, command.slice(1), await serverEnvironment());
}

const NOBODY = 65_534;

/** redis-server without anything on disk. Gives its port. */
export async function startRedis(dir: string): Promise<[Program, number]> {
  const port = await freePort();
  const nothingKept = ['--save', '', '--appendonly', 'no', '--dir', dir];
  const redis = await runServer('redis-server', ['--port', `${port}`, '--bind', '127.0.0.1', ...nothingKept]);
  await redis.line((line) => line.includes('Ready to accept connections'));
  return [redis, port];
}

export async function findProgram(program: string): Promise<string> {
  const path = (await testServers()).findServer(program);
  if (!path) throw new Error(`${program} is missing`);
  return path;
}

/** For what is run with a path of `findProgram`. */
export async function serverEnvironment(): Promise<NodeJS.ProcessEnv> {
  return { LD_LIBRARY_PATH: (await testServers()).serverLibraries(), LC_ALL: 'C' };
}
