/** A machine without any network but loopback: no route, no resolver, nothing to lean on. */
import { spawnSync } from 'node:child_process';
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { example } from '../support/network';
import { projectRoot } from '../support/paths';

describeLab('a machine with only loopback', function () {
  this.timeout(130_000);

  it('no other network: demo runs -> two programs talk by name', () => {
    const inside = 'ip link set lo up && exec "$0" "$@"';
    const args = ['--net', 'sh', '-c', inside, process.execPath, example('demo/demo.mjs')];
    const { status, stderr, stdout } = spawnSync('unshare', args, { cwd: projectRoot, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^Shown:/m);
  });
});
