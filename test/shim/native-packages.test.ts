import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativePackages, packageOf, warningOf } from '../../shim/native-packages';
import { projectRoot, temporaryDirectory } from '../support/paths';
import { Program } from '../support/processes';

describe('packages with native sockets', function () {
  this.timeout(20_000);
  const dir = temporaryDirectory();
  const fake = (name: string, source: string): void => {
    const at = join(dir, 'node_modules', name);
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    writeFileSync(join(at, 'index.js'), source);
    writeFileSync(join(at, 'more.js'), source);
  };
  before(() => {
    fake(
      'pg',
      "exports.Client = process.env.NODE_PG_FORCE_NATIVE ? 'native' : 'JavaScript'; Object.defineProperty(exports, 'native', { configurable: true, get: () => require('pg-native') });",
    );
    for (const name of ['pg-native', 'zeromq', 'grpc', 'harmless', '@valkey/valkey-glide']) {
      fake(name, `exports.Client = '${name}'`);
    }
  });
  after(() => rmSync(dir, { recursive: true }));

  /** Runs a program with the hook, and nothing else of the shim. */
  async function run(source: string): Promise<{ output: string; warnings: string[] }> {
    const file = join(dir, 'program.cjs');
    writeFileSync(
      file,
      `const { Patches } = require(${JSON.stringify(join(projectRoot, 'dist/shim/patch.js'))});
       const { hookNativePackages } = require(${JSON.stringify(join(projectRoot, 'dist/shim/hooks/native-packages.js'))});
       const patches = new Patches();
       hookNativePackages(patches);
       ${source}`,
    );
    const program = Program.node([file]);
    const output = await program.finish();
    return { output, warnings: program.errors.match(/ntmobile: .*/g) ?? [] };
  }

  it('pg: its native variant is asked for -> the JavaScript one, and nothing native is loaded', async () => {
    const { output, warnings } = await run(
      "const pg = require('pg'); console.log(pg.native === pg, pg.native.Client);",
    );
    assert.deepEqual([output, warnings], ['true JavaScript', []]);
  });

  it('pg, with its native variant forced by a variable: required -> the JavaScript one', async () => {
    const forced = "process.env.NODE_PG_FORCE_NATIVE = '1'; const pg = require('pg');";
    const { output, warnings } = await run(`${forced} console.log(pg.Client, process.env.NODE_PG_FORCE_NATIVE);`);
    assert.deepEqual([output, warnings], ['JavaScript undefined', []]);
  });

  it('packages without a JavaScript path: required several times -> one warning each, and they work', async () => {
    const { output, warnings } = await run(
      "console.log(require('zeromq').Client, require('zeromq').Client, require('grpc').Client, require('@valkey/valkey-glide').Client);",
    );
    assert.equal(output, 'zeromq zeromq grpc @valkey/valkey-glide');
    assert.deepEqual(warnings, ['zeromq', 'grpc', '@valkey/valkey-glide'].map(warningOf));
  });

  it('other packages: required -> require-in-the-middle is not loaded', async () => {
    const { output, warnings } = await run(
      "require('harmless'); require('node:net'); console.log(Object.keys(require.cache).some((file) => file.includes('in-the-middle')));",
    );
    assert.deepEqual([output, warnings], ['false', []]);
  });

  it('one of them is missing: required -> the error is as anywhere', async () => {
    const { output, warnings } = await run("try { require('nanomsg'); } catch ({ code }) { console.log(code); }");
    assert.deepEqual([output, warnings], ['MODULE_NOT_FOUND', []]);
  });

  it('restored: required -> as without the hook', async () => {
    const { output, warnings } = await run("patches.restore(); console.log(require('zeromq').Client);");
    assert.deepEqual([output, warnings], ['zeromq', []]);
  });

  it('what is required: looked up -> whose package it is', () => {
    assert.equal(packageOf('zeromq/lib/x'), 'zeromq');
    assert.equal(packageOf('@valkey/valkey-glide/y'), '@valkey/valkey-glide');
    for (const other of ['./pg', '/x/pg', 'node:net', 'net', 'pg-pool', '@valkey/other', 'toString', '']) {
      assert.equal(packageOf(other), undefined, other);
    }
  });

  it('the table: each without a JavaScript path -> a warning that names it', () => {
    for (const [name, { has }] of Object.entries(nativePackages)) {
      if (has === 'no JavaScript path')
        assert.match(warningOf(name), new RegExp(`ntmobile: ${name.replace(/[./]/g, '.')} `));
    }
  });
});
