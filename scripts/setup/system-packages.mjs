/**
 * System packages: what each is for, how to see that it is there, and one apt-get call for those that are missing.
 * A probe is a command to find on PATH, an absolute path, or a function; so a tool installed by other means counts.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { SetupError } from './report.mjs';

/** Needed by the tests only; what lwIP needs is named in build-lwip.mjs. */
const TEST_PACKAGES = [
  { name: 'bind9-dnsutils', why: 'dig asks the DNS of the direction coordinator in a test', probe: 'dig' },
  { name: 'iputils-ping', why: 'ping of another TCP/IP stack reaches the virtual one in a lab test', probe: 'ping' },
  { name: 'tcpdump', why: 'reads what a node has captured in a test', probe: 'tcpdump' },
  { name: 'iproute2', why: 'ip makes the network namespaces of the lab tests', probe: 'ip' },
  { name: 'nftables', why: 'nft makes the NATs of the lab tests', probe: 'nft' },
  { name: 'wireguard-go', why: 'an independent implementation that our tunnels must talk to', probe: 'wireguard-go' },
  { name: 'wireguard-tools', why: 'wg configures wireguard-go in that test', probe: 'wg' },
];

/** Unpacks Debian's source package, so it is not needed with LWIP_SRC. */
const SOURCE_PACKAGE_TOOL = 'dpkg-dev';

export async function installSystemPackages(purpose, lwipPackages, log) {
  const ownSource = Boolean(process.env.LWIP_SRC);
  const forLwip = lwipPackages
    .filter(({ name }) => !(ownSource && name === SOURCE_PACKAGE_TOOL))
    .map((entry) => ({ ...entry, forLwip: true }));
  const wanted = purpose === 'test' ? [...forLwip, ...TEST_PACKAGES] : forLwip;
  const missing = wanted.filter((entry) => !present(entry.probe));
  if (missing.length === 0) return;

  const obstacle = whyAptCannotHelp();
  if (obstacle) throw new SetupError(byHand(missing, obstacle));

  for (const { name, why } of missing) log.step(`setup: installing ${name}: ${why}`);
  const apt = {
    env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' },
    hint: byHand(missing, 'apt failed'),
  };
  await log.run('apt-get', ['update', '-q'], apt);
  const names = [...new Set(missing.map(({ name }) => name))];
  await log.run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...names], apt);

  const still = missing.filter((entry) => !present(entry.probe));
  if (still.length > 0) throw new SetupError(byHand(still, 'apt-get installed them, yet they are not found'));
}

export function present(probe) {
  if (typeof probe === 'function') return Boolean(probe());
  if (isAbsolute(probe)) return existsSync(probe);
  const extra = ['/usr/sbin', '/sbin']; // where ip and nft live, also for users whose PATH leaves these out
  return [...(process.env.PATH ?? '').split(delimiter), ...extra].some((dir) => executable(join(dir, probe)));
}

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function whyAptCannotHelp() {
  if (!present('apt-get')) return 'this system has no apt-get (set-up installs by itself on Debian and Ubuntu only)';
  if (process.getuid?.() !== 0) return 'this user is not root, so apt-get cannot install them';
  return undefined;
}

function byHand(missing, obstacle) {
  const lines = [
    `these system packages are missing and ${obstacle}:`,
    ...missing.map(({ name, why }) => `  ${name}: ${why}`),
    `Install them by hand (Debian names; as root: apt-get install ${missing.map(({ name }) => name).join(' ')}).`,
  ];
  if (missing.some(({ forLwip }) => forLwip)) {
    lines.push(
      'lwIP itself comes from the Debian source package; elsewhere unpack any lwIP 2.2 release and set',
      'LWIP_SRC=DIR to the directory that holds its src/. It still takes clang, lld (wasm-ld) and wasi-libc.',
    );
  }
  return lines.join('\n');
}
