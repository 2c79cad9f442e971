import assert from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import * as path from 'node:path';

const REGISTER = path.join(__dirname, '..', '..', 'shim', 'register.js');

describe('ntmobile/register', () => {
  const preload = (program: string, env: Record<string, string> = {}): string =>
    execFileSync(process.execPath, ['-r', REGISTER, '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, NTMOBILE_AS: '', NTMOBILE_CONFIG: '', NODE_OPTIONS: '', ...env },
    });

  it('NTMOBILE_AS not set: preloaded -> nothing is patched, loaded or said', () => {
    const program = `
      const { connect } = require('node:net').Socket.prototype;
      console.log(connect.toString().includes('replacement') || connect.toString().includes('isActive'));
      console.log(process.env.NODE_OPTIONS);
      console.log(Object.keys(require.cache).filter((file) => file.includes('install.js')).length);`;
    assert.strictEqual(preload(program), 'false\n\n0\n');
  });

  it('NTMOBILE_AS set: a child of spawn -> is preloaded too, and once', () => {
    const program = `
      // Stands for a node that starts: the placeholder only tells that it was asked.
      console.log(process.env.NODE_OPTIONS.split('register.js').length - 1);`;
    const start = path.join(__dirname, '..', 'support', 'start-memory.js');
    const child = `console.log(require('node:child_process').execFileSync(process.execPath, ['-r', ${JSON.stringify(REGISTER)}, '-e', ${JSON.stringify(program)}], { encoding: 'utf8' }))`;
    const said = spawnSync(process.execPath, ['-r', start, '-r', REGISTER, '-e', child], {
      encoding: 'utf8',
      env: { ...process.env, NTMOBILE_AS: 'ntmobile://as.test:1/?key=x', NODE_OPTIONS: `--require ${start}` },
    });
    assert.strictEqual(said.stderr, '');
    assert.strictEqual(said.stdout.trim(), '1');
  });

  it('a worker thread inherits -r -> no second node is started, and it has the node of the main thread', () => {
    const start = path.join(__dirname, '..', 'support', 'start-memory.js');
    const program = `
      const { Worker } = require('node:worker_threads');
      console.log(globalThis.nodesStarted);
      const lookUp = 'require("node:dns").lookup("b.test.ntm", (_, address) => console.log(address))';
      new Worker('console.log(globalThis.nodesStarted ?? 0);' + lookUp, { eval: true });`;
    const said = execFileSync(process.execPath, ['-r', start, '-r', REGISTER, '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, NTMOBILE_AS: 'ntmobile://as.test:1/?key=x', NODE_OPTIONS: '' },
    });
    assert.strictEqual(said, '1\n0\n198.18.0.2\n');
  });
});
