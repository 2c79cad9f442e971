import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StateFile } from '../../core/state-dir';

const state = { secretKey: new Uint8Array(32).fill(9), domains: ['ntm.internal'], networks: ['198.18.0.0/16'] };
const identity = { accountServerKey: new Uint8Array(32), account: 'alice', node: null };

describe('state directory', () => {
  let parent: string;
  let dir: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'ntmobile-state-'));
    dir = join(parent, 'state');
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('nothing kept: read -> undefined', () => {
    assert.equal(new StateFile(dir, identity).read(), undefined);
  });

  it('written: read -> the same, and nobody else may read it', () => {
    const file = new StateFile(dir, identity);
    file.write(state);
    assert.deepEqual(file.read(), state);
    assert.equal(statSync(dir).mode & 0o777, 0o700);
    const [name] = readdirSync(dir);
    assert.equal(statSync(join(dir, name!)).mode & 0o777, 0o600);
  });

  it('two identities: write -> two files', () => {
    new StateFile(dir, identity).write(state);
    new StateFile(dir, { ...identity, node: 'worker-1' }).write(state);
    new StateFile(dir, { ...identity, accountServerKey: new Uint8Array(32).fill(1) }).write(state);
    assert.equal(readdirSync(dir).length, 3);
  });

  it('a file that is not one of ours: read -> undefined', () => {
    const file = new StateFile(dir, identity);
    file.write(state);
    for (const secretKey of ['short', 'A'.repeat(44)]) {
      // the latter: 33 bytes
      writeFileSync(join(dir, readdirSync(dir)[0]!), JSON.stringify({ secretKey }));
      assert.equal(file.read(), undefined);
    }
  });
});
