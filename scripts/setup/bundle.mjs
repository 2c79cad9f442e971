/**
 * The preload in two files, `dist/preload/register.js` and `node.js`: what a program's first line waits for, and the
 * rest. Eighty files to find and read are most of what a preload costs, and parsing is most of what is left; so the
 * first file holds only what is loaded at once. The border is where the sources say `require('./...')`.
 *
 * What both need exists once, in the first: the second takes it from there, so that there is one NtmError and one
 * `nodeRuntime`. Not minified, with source maps: stack traces stay readable.
 */
import { build } from 'esbuild';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { projectRoot } from './report.mjs';

const ENTRY = 'shim/register.ts';
/** Loaded late by the sources, and yet in the first file: small, and a server's first line waits for it. */
const AT_ONCE = ['shim/listener'];
const out = resolve(projectRoot, 'dist/preload');

const common = {
  absWorkingDir: projectRoot,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning',
  external: ['sodium-native', 'sax'], // native, and optional; and what hardly any program needs
  // Its part without streams and native code, which are not used (core/wire/codec.ts).
  alias: { 'cbor-x': resolve(projectRoot, 'node_modules/cbor-x/encode.js') },
  define: { LWIP_DIRECTORY: '"../core/packet/stack"' },
};

/** Files are named as the sources' paths without `.ts`. */
const nameOf = (path) => relative(projectRoot, resolve(projectRoot, path)).replaceAll('\\', '/').replace(/\.ts$/, '');
const sourceOf = ({ path, resolveDir }) => {
  const source = `${resolve(resolveDir, path)}.ts`;
  return path.startsWith('.') && existsSync(source) ? source : undefined;
};

/** Source maps tell of our own sources only: coverage counts what they name. An empty map stands for a package's. */
const EMPTY_MAP = Buffer.from('{"version":3,"sources":[""],"mappings":"A"}').toString('base64');
const packagesUnmapped = {
  name: 'packages unmapped',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, ({ path }) => ({
      contents: `${readFileSync(path, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${EMPTY_MAP}`,
    }));
  },
};

/** Replaces the modules that `isForeign` tells by what another file exports under their name. */
function takenFrom(file, property, isForeign) {
  return {
    name: `taken from ${file}`,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\./ }, (args) => {
        const source = sourceOf(args);
        if (!source || !isForeign(source, args)) return undefined;
        return { path: nameOf(source), namespace: property };
      });
      onResolve({ filter: /.*/, namespace: property }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /.*/, namespace: property }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(file)})[${JSON.stringify(property)}](${JSON.stringify(path)});`,
      }));
    },
  };
}

export async function bundlePreload() {
  const later = new Set();
  // The entry's own are for a program that does not use it at all.
  const isLater = (source, { kind, importer }) =>
    kind === 'require-call' &&
    /^(shim|core)\/(?!register)/.test(nameOf(importer)) &&
    !AT_ONCE.includes(nameOf(source)) &&
    !!later.add(nameOf(source));
  const first = (stdin, write) =>
    build({
      ...common,
      stdin: { contents: stdin, resolveDir: projectRoot, sourcefile: 'preload.ts', loader: 'ts' },
      outfile: join(out, 'register.js'),
      plugins: [packagesUnmapped, takenFrom('./node.js', 'later', isLater)],
      write,
    });

  // Once to know what is loaded at once, and again with a way for the second file to take it.
  const { metafile } = await first(`import './${ENTRY.replace(/\.ts$/, '')}';`, false);
  const shared = Object.keys(metafile.inputs)
    .filter((path) => /^(shim|core)\/.*\.ts$/.test(path) && path !== ENTRY)
    .map((path) => path.replace(/\.ts$/, ''));
  const start = await first(`${exportOf('shared', shared)}\nimport './shim/register';`, true);

  const rest = await build({
    ...common,
    stdin: {
      contents: exportOf('later', [...later]),
      resolveDir: projectRoot,
      sourcefile: 'preload-later.ts',
      loader: 'ts',
    },
    outfile: join(out, 'node.js'),
    plugins: [packagesUnmapped, takenFrom('./register.js', 'shared', (source) => shared.includes(nameOf(source)))],
  });
  for (const name of ['register', 'node']) nameOwnSources(join(out, `${name}.js.map`));
  writeLicences([start, rest]);
}

/** esbuild names a file without mappings all the same. */
function nameOwnSources(file) {
  const map = JSON.parse(readFileSync(file, 'utf8'));
  map.sources = map.sources.map((source) => (/^\.\.\/\.\.\/(shim|core)\//.test(source) ? source : 'package'));
  writeFileSync(file, JSON.stringify(map));
}

/** A function from names to modules, each loaded when it is asked for. */
function exportOf(property, names) {
  const cases = names.map((name) => `    case ${JSON.stringify(name)}: return require('./${name}');`);
  return `export function ${property}(name: string): unknown {\n  switch (name) {\n${cases.join('\n')}\n  }\n}`;
}

/** The bundles hold code of others, whose licences ask to be told. */
function writeLicences(results) {
  const inputs = results.flatMap(({ metafile }) =>
    Object.values(metafile.outputs).flatMap((file) => Object.keys(file.inputs)),
  );
  const packages = new Set(inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
  const texts = [...packages].sort().map((name) => {
    const dir = resolve(projectRoot, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
    const file = readdirSync(dir).find((each) => /^licen[cs]e/i.test(each));
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(dir, file), 'utf8').trim() : ''}\n`;
  });
  writeFileSync(join(out, 'LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}
