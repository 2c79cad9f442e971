/**
 * Gets the suite of the package `ws`, which npm's archive lacks: Debian's source package `node-ws`, with the ws that the
 * suite is for. It is unpacked into the build directory and never committed.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { debianSources } from './debian-source.mjs';

const suite = 'trixie'; // ws 8.18

/** @returns the directory of ws, with its `test` */
export function fetchWsTests({ into, log }) {
  const ws = join(into, 'ws-tests');
  if (existsSync(ws)) return ws;
  const work = join(into, 'ws-tests.part');
  mkdirSync(work, { recursive: true });
  try {
    const { mirror, apt } = debianSources({ work, suite, tools: ['tar'] });
    log(`getting the suite of ws (Debian ${suite}) from ${mirror}`);
    apt('update');
    const archive = download(apt, work);
    const unpacking = join(work, 'unpacking');
    mkdirSync(unpacking);
    execFileSync('tar', ['-xf', join(work, archive), '-C', unpacking], { stdio: 'pipe' });
    renameSync(join(unpacking, readdirSync(unpacking)[0]), ws);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return ws;
}

/** ws is the first of the package's archives; a mirror may lack the others, which are not needed. */
function download(apt, work) {
  const uris = apt('source', '--print-uris', '--tar-only', 'node-ws');
  const [, name, sha256] = / (node-ws_\S+\.orig\.tar\.\w+) \d+ SHA256:(\w+)/.exec(uris) ?? [];
  if (!name) throw new Error(`Debian ${suite} has no node-ws: ${uris}`);
  try {
    apt('source', '--download-only', '--tar-only', 'node-ws');
  } catch (error) {
    if (!existsSync(join(work, name))) throw error;
  }
  const found = createHash('sha256')
    .update(readFileSync(join(work, name)))
    .digest('hex');
  if (found !== sha256) throw new Error(`${name} is not what Debian signed`);
  return name;
}
