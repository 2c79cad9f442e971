/**
 * Servers that programs in tests talk to, from Debian packages. They are unpacked into build/servers and not installed:
 * an installation would start them as services of the system. What the system has already is taken instead.
 * Where they cannot be had, their tests are skipped, and fail where nothing may be skipped (test/support/servers.ts).
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { projectRoot } from './report.mjs';
import { present } from './system-packages.mjs';

const dir = resolve(projectRoot, 'build/servers');
const root = join(dir, 'root');
const archives = join(dir, 'archives');

/** `packages`: where Debian has the program; a package's own dependencies come by themselves. */
export const TEST_SERVERS = [
  { program: 'redis-server', packages: ['redis-server', 'redis-tools'] },
  { program: 'redis-cli', packages: ['redis-tools'] },
  { program: 'mosquitto', packages: ['mosquitto'] },
  { program: 'postgres', packages: ['postgresql'] },
  { program: 'dnsmasq', packages: ['dnsmasq-base'] },
  { program: 'dig', packages: ['bind9-dnsutils'] },
  { program: 'named', packages: ['bind9'] },
  { program: 'curl', packages: ['curl'] },
  { program: 'python3', packages: ['python3'] },
  { program: 'miniupnpd', packages: ['miniupnpd-nftables'] },
  { program: 'promtool', packages: ['prometheus'] },
];

export async function fetchTestServers(log) {
  const missing = TEST_SERVERS.filter(({ program }) => !findServer(program));
  if (missing.length === 0) return;
  const names = missing.map(({ program }) => program).join(', ');
  if (!present('apt-get') || !present('dpkg-deb')) {
    log.step(`setup: no apt-get to get ${names} with: tests with them are skipped`);
    return;
  }
  log.step(`setup: unpacking ${names} for the tests`);
  try {
    await download(missing, log);
    for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
      await log.run('dpkg-deb', ['-x', join(archives, archive), root]);
    }
  } catch (error) {
    log.step(`setup: tests with them are skipped: ${error.message.split('\n').slice(0, 2).join(' ')}`);
  }
}

async function download(missing, log) {
  mkdirSync(join(archives, 'partial'), { recursive: true });
  mkdirSync(root, { recursive: true });
  const options = [`Dir::Cache::archives=${archives}`, 'Debug::NoLocking=1', 'Acquire::Retries=3'];
  if (process.getuid?.() === 0) options.push('APT::Sandbox::User=root'); // this directory need not be apt's to read
  const packages = [...new Set(missing.flatMap(({ packages }) => packages))];
  const args = ['install', '-q', '-y', '--no-install-recommends', '--download-only', '--reinstall', ...packages];
  const apt = () => log.run('apt-get', [...options.flatMap((option) => ['-o', option]), ...args]);
  try {
    await apt();
  } catch {
    await log.run('apt-get', ['update', '-q']); // the lists may be missing, or older than the mirror
    await apt();
  }
}

/** The system's, or the one that was unpacked here. */
export function findServer(program) {
  const places = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...['/usr/sbin', '/sbin'],
    ...binariesOfPostgres('/'),
    ...['usr/bin', 'usr/sbin'].map((place) => join(root, place)),
    ...binariesOfPostgres(root),
  ];
  return places.map((place) => join(place, program)).find((path) => existsSync(path));
}

/** Where the dynamic linker finds what was unpacked with them. */
export function serverLibraries() {
  return ['usr/lib', 'lib']
    .map((place) => join(root, place))
    .filter((place) => existsSync(place))
    .flatMap((place) => [
      place,
      ...readdirSync(place)
        .filter((name) => /-linux-gnu/.test(name))
        .map((name) => join(place, name)),
    ])
    .join(delimiter);
}

/** Debian keeps them off the PATH, by version. */
function binariesOfPostgres(at) {
  const versions = join(at, 'usr/lib/postgresql');
  return existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : [];
}
