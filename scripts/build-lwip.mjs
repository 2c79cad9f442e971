/**
 * Builds the virtual stack: lwIP and the C of core/packet/stack/lwip -> build/lwip.wasm, and a copy where the
 * compiled stack.ts looks for it. Plain Node, so that it runs before anything is installed or compiled.
 *
 *   node scripts/build-lwip.mjs              lwIP's source from Debian (see lwip-source.mjs)
 *   LWIP_SRC=dir node scripts/build-lwip.mjs from any lwIP 2.2 tree
 *
 * Does nothing when neither the sources, the compiler nor this script changed since the last time.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchLwip, lwipVersion } from './lwip-source.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const portDir = join(root, 'core/packet/stack/lwip');
const output = join(root, 'build/lwip.wasm');
const installed = join(root, 'dist/core/packet/stack/lwip.wasm');
const sysroot = '/usr';
const target = 'wasm32-wasi';

/** What must be on the system; `probe` is a command on the PATH, or a path that exists. */
export const systemPackages = [
  { name: 'clang', why: 'compiles lwIP', probe: 'clang' },
  { name: 'lld', why: 'links it (wasm-ld)', probe: 'wasm-ld' },
  { name: 'wasi-libc', why: 'C library for WebAssembly: malloc, memcpy', probe: '/usr/lib/wasm32-wasi/libc.a' },
  { name: 'dpkg-dev', why: "unpacks Debian's lwIP source package", probe: 'dpkg-source' },
];

const cFlags = [
  `--target=${target}`,
  `--sysroot=${sysroot}`,
  ...['-O3', '-flto', '-ffunction-sections', '-fno-strict-aliasing', '-std=c11', '-DNDEBUG'],
  ...[
    '-Wall',
    '-Wextra',
    '-Wno-unused-parameter',
    '-Wno-address',
    '-Wno-unused-variable',
    '-Wno-tautological-constant-out-of-range-compare',
  ],
];
// Without the compiler's runtime: wasm has every operation that lwIP needs, and one system package less is required.
const linkFlags = [
  ...[
    '-nostartfiles',
    '-nodefaultlibs',
    '-lc',
    '-Wl,--no-entry',
    '-Wl,--stack-first',
    '-Wl,--gc-sections',
    '-Wl,--lto-O3',
    '-Wl,--strip-all',
    '-Wl,--wrap=tcp_split_unsent_seg', // transmit.c
  ],
  ...['-Wl,-z,stack-size=131072', '-Wl,--initial-memory=2097152'],
];

/** lwIP's core for IPv4 and IPv6, without what lwipopts.h turns off altogether. */
function lwipFiles(source) {
  const files = [];
  for (const dir of ['src/core', 'src/core/ipv4', 'src/core/ipv6']) {
    for (const name of readdirSync(join(source, dir))) {
      if (name.endsWith('.c') && !/^(altcp|dns|dhcp|autoip|acd|igmp|etharp|ethip6)/.test(name)) {
        files.push(join(source, dir, name));
      }
    }
  }
  return files.sort();
}

function portFiles() {
  return [...readdirSync(portDir).map((name) => join(portDir, name)), join(portDir, 'arch/cc.h')]
    .filter((path) => /\.[ch]$/.test(path))
    .sort();
}

function fingerprint(sourceId) {
  const hash = createHash('sha256').update(sourceId);
  hash.update(execFileSync('clang', ['--version'])).update(JSON.stringify([cFlags, linkFlags]));
  for (const path of [...portFiles(), fileURLToPath(import.meta.url)]) hash.update(readFileSync(path));
  return hash.digest('hex');
}

/** An own tree counts by the newest change in it. */
function sourceId() {
  const own = process.env.LWIP_SRC;
  if (!own) return `debian ${lwipVersion}`;
  return `${own} ${Math.max(...lwipFiles(own).map((path) => statSync(path).mtimeMs))}`;
}

function checkTools() {
  for (const [tool, pkg] of [
    ['clang', 'clang'],
    ['wasm-ld', 'lld'],
  ]) {
    try {
      execFileSync(tool, ['--version'], { stdio: 'ignore' });
    } catch {
      throw new Error(`cannot build the virtual stack: ${tool} is missing (Debian package ${pkg}). ${byHand}`);
    }
  }
}

const byHand =
  'On a system without apt install clang, lld, wasi-libc (sysroot in /usr) ' +
  'by hand, get lwIP 2.2 and set LWIP_SRC to its directory.';

/** @returns whether anything was compiled */
export async function buildLwip({ log = () => {} } = {}) {
  checkTools();
  const wanted = fingerprint(sourceId());
  const stamp = `${output}.stamp`;
  const fresh = existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (!fresh) {
    const source = process.env.LWIP_SRC ?? (await fetchLwip({ into: join(root, 'build'), log, byHand }));
    log(`compiling lwIP from ${source}`);
    const includes = [`-I${portDir}`, `-I${join(source, 'src/include')}`];
    const files = [...lwipFiles(source), ...portFiles().filter((path) => path.endsWith('.c'))];
    mkdirSync(dirname(output), { recursive: true });
    execFileSync('clang', [...cFlags, ...linkFlags, ...includes, ...files, '-o', output], { stdio: 'inherit' });
    writeFileSync(stamp, wanted);
    log(`${output}: ${statSync(output).size} bytes`);
  }
  mkdirSync(dirname(installed), { recursive: true });
  copyFileSync(output, installed);
  return !fresh;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildLwip({ log: (line) => console.error(`build-lwip: ${line}`) }).catch((error) => {
    console.error(`build-lwip: ${error.message}`);
    process.exitCode = 1;
  });
}
