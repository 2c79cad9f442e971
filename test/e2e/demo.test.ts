/** The demo is an example, too: it must work, and say so when it does not. */
import assert from 'node:assert/strict';
import { example } from '../support/network';
import { Program } from '../support/processes';

describe('the demo', function () {
  this.timeout(130_000); // more than its own limit

  it('a network that works: demo runs -> both figures, the same SHA-256 at both ends, and code 0', async () => {
    const output = await Program.node([example('demo/demo.mjs')]).finish();
    for (const expected of [/Figure 4/, /Figure 5/, /SHA-256 [0-9a-f]{64}, the same at both ends/, /^Shown:/m]) {
      assert.match(output, expected);
    }
    assert.doesNotMatch(output, /not seen to arrive/);
  });

  it('a server that is not exposed: demo runs -> the reason, and not code 0', async () => {
    const demo = Program.node([example('demo/demo.mjs')], { NTMOBILE_LISTEN: 'host' });
    assert.notEqual((await demo.ended).code, 0);
    assert.match(demo.errors, /FAILED[^]*ECONNREFUSED/);
    assert.doesNotMatch(demo.lines.join('\n'), /^Shown:/m);
  });
});
