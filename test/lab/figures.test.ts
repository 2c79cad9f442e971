/** The paper's Figures 4 to 7, every part a process on a host of its own, two DCs of different zones, CN behind a NAT. */
import assert from 'node:assert/strict';
import { FigureLab } from '../support/figure-lab';
import { describeLab } from '../support/lab';
import { portsOf, testProgram } from '../support/network';
import { next, says } from '../support/outage';
import type { Program } from '../support/processes';

for (const withNotification of [true, false]) {
  describeLab(`the paper's figures, ${withNotification ? 'with NS' : 'without NS'}`, function () {
    this.timeout(60_000);
    const lab = new FigureLab(withNotification);
    let mn: Program;
    let cn: Program;

    before(async () => {
      await lab.start();
      cn = lab.program('CN', [testProgram('ticking.cjs')]);
      const [port] = await portsOf(cn);
      await lab.joined();
      lab.mark();
      const listening = ['-r', testProgram('told-of-moves.cjs')];
      mn = lab.program('MN', [...listening, testProgram('ticking.cjs'), lab.fqdn.CN, `${port}`]);
      await mn.line(says('tick'));
    });
    after(async () => {
      for (const program of [mn, cn]) program?.terminate();
      await Promise.all([mn?.ended, cn?.ended]);
      assert.deepEqual(await lab.stop(), [], 'no program is left running');
    });

    const paths = (part: 'MN' | 'CN'): unknown[] =>
      lab
        .trace(part)
        .filter(({ event }) => event === 'established')
        .map(({ path }) => path);

    it('MN joins -> the steps of Figure 4, in order', async () => {
      assert.deepEqual(await lab.compare(4), []);
    });

    it('MN dials CN, of another zone and behind a NAT -> the steps of Figure 5, in order', async () => {
      assert.deepEqual(await lab.compare(5), []);
      const found = lab.trace('DC_MN').find(({ event }) => event === 'name servers');
      assert.deepEqual(found?.['servers'], ['dc.b.example'], 'DC_CN was found by its NS record');
      assert.doesNotMatch(String(paths('MN')[0]), /relay/);
    });

    it('MN and CN talk -> the steps of Figure 6 at MN, in order, and at CN, which receives first', () => {
      const stepsAt = (part: 'MN' | 'CN') =>
        lab
          .trace(part)
          .filter(({ figure }) => figure === 6)
          .map(({ step }) => step);
      assert.deepEqual(stepsAt('MN'), [1, 2, 3, 4, 5, 6]);
      assert.deepEqual(stepsAt('CN'), [4, 5, 6, 1, 2, 3]);
    });

    it('MN moves behind a NAT -> the steps of Figure 7, in order, and its connection goes on through the RS', async () => {
      lab.mark();
      lab.move('behind NAT_MN');
      await next(mn, says('tick'), 3);
      assert.deepEqual(await lab.compare(7, { firstMeeting: false }), []);
      for (const part of ['MN', 'CN'] as const) assert.match(String(paths(part).at(-1)), /^relay 192\.0\.2\.15:/);
    });

    it('MN moves back -> its tunnel is direct again, and its connection goes on', async () => {
      lab.mark();
      lab.move('wire');
      await Promise.all([lab.established('MN', /^192\.0\.2\.30:/), lab.established('CN', /^192\.0\.2\.20:/)]);
      await next(mn, says('tick'), 3);
      assert.match(String(paths('CN').at(-1)), /^192\.0\.2\.20:/);
      assert.deepEqual(mn.lines.filter(says('broken')), []);
      const ticks = mn.lines.filter(says('tick')).map((line) => Number(line.split(' ')[1]));
      assert.deepEqual(
        ticks,
        ticks.map((_, i) => i + 1),
        'nothing is lost',
      );
    });

    it("who listens by the library in MN's program -> was told of both handovers, and of the way by the RS", async () => {
      await mn.line(says('handover by addresses', '-> cable 10.0.0.2'));
      await mn.line(says('handover by addresses', '-> cable 192.0.2.20'));
      const routes = mn.lines.filter(says(`route to ${lab.fqdn.CN}: `));
      assert.match(routes[0]!, /: undefined -> /);
      assert(routes.some(says('-> relay 192.0.2.15:')), routes.join('\n'));
    });
  });
}
