/** Peers that are only measured against, installed when they are: from Debian and from npm. What cannot be had is left out. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DEBIAN = { 'mosh-server': 'mosh', mptcpize: 'mptcpize' };
const DENO = { x64: '@deno/linux-x64-glibc', arm64: '@deno/linux-arm64-glibc' }[process.arch];
const DENO_VERSION = '2';
const dir = join(import.meta.dirname, '..', '..', 'build', 'peers');

const has = (command) => spawnSync('which', [command]).status === 0;
const run = (command, args, env = {}) => spawnSync(command, args, { env: { ...process.env, ...env }, stdio: 'ignore' });

/** Deno's program, undefined where it is not installed. */
export function denoProgram() {
  const program = join(dir, 'node_modules', String(DENO), 'deno');
  return existsSync(program) ? program : undefined;
}

export function installPeers() {
  const packages = Object.entries(DEBIAN).flatMap(([command, name]) => (has(command) ? [] : [name]));
  if (packages.length > 0 && has('apt-get')) {
    const apt = { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' };
    run('apt-get', ['update', '-q'], apt);
    run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], apt);
  }
  if (DENO && !denoProgram()) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'package.json'), '{ "private": true }\n');
    // The package is the program alone: no script of it is needed.
    const options = ['--prefix', dir, '--ignore-scripts', '--no-audit', '--no-fund'];
    run('npm', ['install', ...options, `${DENO}@${DENO_VERSION}`]);
  }
}
