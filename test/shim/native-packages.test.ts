/** With packages as npm has them: each a process of its own that loads them under the hook, in every version of Node. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bypassingPackage, packageOfFile, warningOf } from '../../shim/native-packages';
import { projectRoot, temporaryDirectory } from '../support/paths';
import { Program } from '../support/processes';

const LOADED = `process.on('exit', () => console.log(JSON.stringify({
  seen: globalThis.seen,
  forced: process.env.NODE_PG_FORCE_NATIVE,
  native: Object.keys(require.cache).filter((file) => /pg.lib.native/.test(file)),
})));`;

/** This Node, and those that the set-up brought. */
function nodes(): [version: string, program: string][] {
  const dir = join(projectRoot, 'build/nodes');
  const others = existsSync(dir) ? readdirSync(dir) : [];
  const programOf = (major: string): string =>
    join(dir, major, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  return [
    [process.versions.node, process.execPath],
    ...others.map((major) => [major, programOf(major)] as [string, string]),
  ];
}

describe('packages with native sockets', function () {
  this.timeout(30_000);
  const dir = temporaryDirectory();
  const preload = join(dir, 'preload.cjs');
  const from = (path: string): string => `require(${JSON.stringify(join(projectRoot, path))})`;
  before(() => {
    writeFileSync(
      preload,
      `const { Patches } = ${from('dist/shim/patch.js')};
       globalThis.patches = new Patches();
       ${from('dist/shim/hooks/native-packages.js')}.hookNativePackages(patches, true);
       ${LOADED}`,
    );
  });
  after(() => rmSync(dir, { recursive: true }));

  interface Seen {
    seen?: unknown;
    forced?: string;
    native: string[];
    warnings: string[];
  }

  /** Runs a program, CommonJS or a module, with the hook and nothing else of the shim. */
  async function run(node: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Seen> {
    const program = Program.command(node, ['-r', preload, ...args], { NODE_OPTIONS: '', ...env });
    const seen = await program.json<Seen>();
    return { ...seen, warnings: program.errors.match(/ntmobile: .*/g) ?? [] };
  }
  const script = (source: string): string[] => ['-e', source];
  const module = (source: string): string[] => ['--input-type=module', '-e', source];

  for (const [version, node] of nodes()) {
    describe(`Node ${version}`, () => {
      it('pg, native wanted by variable and by property: required -> JavaScript, and nothing native is tried', async () => {
        const source = "const pg = require('pg'); seen = [pg.native === pg, require('pg') === pg, pg.Client.name];";
        assert.deepEqual(await run(node, script(source), { NODE_PG_FORCE_NATIVE: '1' }), {
          ...{ seen: [true, true, 'Client'], native: [], warnings: [] },
        });
      });

      it('pg, native wanted by variable and by property: imported -> JavaScript, and nothing native is tried', async () => {
        const source = `import pg, { Client } from 'pg'; import { createRequire } from 'node:module';
          const required = createRequire(process.cwd() + '/x')('pg');
          globalThis.seen = [pg.native === pg, required === pg, Client.name];`;
        assert.deepEqual(await run(node, module(source), { NODE_PG_FORCE_NATIVE: '1' }), {
          ...{ seen: [true, true, 'Client'], native: [], warnings: [] },
        });
      });

      const both = ['zeromq', 'udx-native'];
      it('zeromq and udx-native: required twice -> they work, one warning each', async () => {
        const source = `for (let i = 0; i < 2; i++) seen = [${both.map((name) => `typeof require('${name}')`).join()}];`;
        const { seen, warnings } = await run(node, script(source));
        assert.deepEqual([seen, warnings], [['object', 'function'], both.map(warningOf)]);
      });

      it('zeromq and udx-native: imported, statically and not -> they work, one warning each', async () => {
        const source = `import { Request } from 'zeromq';
          const { default: UDX } = await import('udx-native');
          await import('zeromq');
          globalThis.seen = [typeof Request, typeof UDX];`;
        const { seen, warnings } = await run(node, module(source));
        assert.deepEqual([seen, warnings], [['function', 'function'], both.map(warningOf)]);
      });
    });
  }

  it('native code without sockets, packages in JavaScript: loaded -> no warning, no require-in-the-middle', async () => {
    const names = [
      'bufferutil',
      'utf-8-validate',
      'sodium-native',
      'libsql',
      'ws',
      'ioredis',
      '@grpc/grpc-js',
      'undici',
    ];
    const source = `${names.map((name) => `require('${name}');`).join('')}
      seen = Object.keys(require.cache).filter((file) => file.includes('in-the-middle'));`;
    const { seen, warnings } = await run(process.execPath, script(source));
    assert.deepEqual([seen, warnings], [[], []]);
  });

  it('one is missing, or is asked for wrongly: required -> the error is as anywhere', async () => {
    const source = `seen = ['nanomsg', 5, 'pg/no-such-file'].map((name) => { try { require(name); } catch ({ code }) { return code; } });`;
    const { seen, warnings } = await run(process.execPath, script(source));
    assert.deepEqual(seen, ['MODULE_NOT_FOUND', 'ERR_INVALID_ARG_TYPE', 'ERR_PACKAGE_PATH_NOT_EXPORTED']);
    assert.deepEqual(warnings, []);
  });

  it('restored: required -> as without the hook', async () => {
    const source = `patches.restore(); require('udx-native'); const pg = require('pg'); seen = pg.native === pg;`;
    const { seen, warnings } = await run(process.execPath, script(source));
    assert.deepEqual([seen, warnings], [false, []]);
  });

  it('a file of a package, of its platform, nested, on Windows: looked up -> whose it is', () => {
    const { platform } = process;
    for (const [file, name] of [
      ['/x/node_modules/zeromq/build/addon.node', 'zeromq'],
      [
        '/x/node_modules/.pnpm/a@1/node_modules/@confluentinc/kafka-javascript/b.node',
        '@confluentinc/kafka-javascript',
      ],
      [`/x/node_modules/@valkey/valkey-glide-${platform}-x64-gnu/c.node`, '@valkey/valkey-glide'],
      [`/x/node_modules/@couchbase/couchbase-${platform}-x64-napi/d.node`, 'couchbase'],
      ['/x/node_modules/@node-datachannel/platform-x64/e.node', 'node-datachannel'],
      ['C:\\x\\node_modules\\raw-socket\\build\\raw.node', 'raw-socket'],
      ['/x/node_modules/sodium-native/prebuilds/f.node', undefined],
      ['/x/node_modules/zeromq-tools/g.node', undefined],
      ['/x/zeromq/h.node', undefined],
      ['/x/node_modules/toString/i.node', undefined],
    ] as const) {
      assert.equal(bypassingPackage(file), name, file);
    }
    assert.equal(packageOfFile('/x/node_modules/pg/lib/index.js'), 'pg');
    assert.equal(packageOfFile('node:net'), undefined);
  });

  it('a warning: for one with another way, for one without -> the way, or none', () => {
    assert.match(warningOf('grpc'), /^ntmobile: grpc opens .* does not reach NTMobile names; @grpc\/grpc-js does$/);
    assert.match(warningOf('zeromq'), /names$/);
  });
});
