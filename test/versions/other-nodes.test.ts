/** The core of the tests under the other versions of Node that ntmobile supports (scripts/setup/other-nodes.mjs). */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/paths';
import { Program } from '../support/processes';

const dir = join(projectRoot, 'build/nodes');
const mocha = join(projectRoot, 'node_modules/mocha/bin/mocha.js');
const hooks = join(projectRoot, 'dist/test/support/hooks.js');
const SUITES = ['shim/*.test.js', 'e2e/talk.test.js'];
const FEWEST_TESTS = 80;
const VERSIONS = 3;

const programs = (existsSync(dir) ? readdirSync(dir) : [])
  .map((major) => ({
    major,
    program: join(dir, major, `node_modules/node-${process.platform}-${process.arch}/bin/node`),
  }))
  .filter(({ program }) => existsSync(program));

describe('other versions of Node', function () {
  this.timeout(300_000);

  it('set-up: looked at -> they are there', function () {
    if (programs.length >= VERSIONS) return;
    if (process.env['NTMOBILE_LAB'] !== 'required') return this.skip();
    assert.fail('build/nodes does not hold them');
  });

  for (const { major, program } of programs) {
    it(`Node ${major}: sockets, names, servers, and two programs over a tunnel -> as with any other`, async () => {
      const { version } = await Program.command(program, ['-p', 'JSON.stringify({ version: process.version })']).json<{
        version: string;
      }>();
      assert.equal(version.split('.')[0], `v${major}`);
      const suites = SUITES.map((suite) => join(projectRoot, 'dist/test', suite));
      const args = [mocha, '--no-config', '--require', hooks, '--reporter', 'dot', '--timeout', '60000', ...suites];
      const output = await Program.command(program, args, { NODE_V8_COVERAGE: undefined }).finish();
      const passing = Number(/(\d+) passing/.exec(output)?.[1]);
      assert(passing >= FEWEST_TESTS, `only ${passing} tests ran`);
    });
  }
});
