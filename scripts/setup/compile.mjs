/**
 * TypeScript to dist/, and from it the preload's bundle (bundle.mjs). tsc is incremental, but its start alone takes a
 * second or two, so it is not even started when no source has changed. Outputs whose source is gone are removed: mocha
 * would go on running a deleted test. As a program: `node scripts/setup/compile.mjs`.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot, SetupError, startLog } from './report.mjs';

const SOURCE_DIRS = ['shim', 'core', 'servers', 'cli', 'test'];
const SETTINGS = ['tsconfig.json', 'package.json', 'package-lock.json'];
const BUILD = ['compile.mjs', 'bundle.mjs'].map((file) => `scripts/setup/${file}`);
const OUTPUT = /(\.d\.ts|\.js\.map|\.js)$/;
const dist = resolve(projectRoot, 'dist');
const stampFile = join(dist, '.sources');

export async function compile(log) {
  const sources = SOURCE_DIRS.flatMap((dir) => filesIn(resolve(projectRoot, dir))).filter((file) => /\.ts$/.test(file));
  const stamp = fingerprint([...sources, ...[...SETTINGS, ...BUILD].map((file) => resolve(projectRoot, file))]);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;

  log.step(`setup: compiling ${sources.length} TypeScript files`);
  rmSync(stampFile, { force: true });
  removeOrphans();
  await log.run(process.execPath, [resolve(projectRoot, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json']);
  // Loaded now, since npm may have installed what it needs only just.
  const { bundlePreload } = await import('./bundle.mjs');
  await bundlePreload();
  mkdirSync(dist, { recursive: true });
  writeFileSync(stampFile, stamp);
}

function fingerprint(files) {
  const hash = createHash('sha256');
  for (const file of files.sort()) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function removeOrphans() {
  for (const dir of SOURCE_DIRS) {
    for (const output of filesIn(join(dist, dir)).filter((file) => OUTPUT.test(file))) {
      const source = resolve(projectRoot, relative(dist, output).replace(OUTPUT, '.ts'));
      if (!existsSync(source)) rmSync(output);
    }
  }
}

function filesIn(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await compile(startLog());
  } catch (error) {
    process.stderr.write(`compile: ${error instanceof SetupError ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}
