/** Two programs through one bottleneck: one with the preload, one with the kernel's TCP. */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { LAB_METER, LAB_SERVER } from '../support/lab-programs';
import type { Program } from '../support/processes';
import { RouterLab } from '../support/router-lab';

const ENDLESS = 10_000_000_000;
const MEGABITS = 40;
/** Even in the long run; but CUBIC's waves are as long as what is looked at. */
const LEAST_SHARE = 6;
/** Reports, of half a second each: until both flows have settled, and to look at. */
const SETTLING = 6;
const MEASURED = 10;

function tests(this: Mocha.Suite): void {
  this.timeout(60_000);
  const lab = new RouterLab();

  before(async () => {
    lab.start();
    lab.setMtu('alice', 1_500);
    lab.setMtu('bob', 1_500);
    lab.useCongestionControl('bob', 'cubic');
    await lab.startNetwork(4);
  });
  after(async () => {
    await lab.stop();
  });

  async function serve(start: (host: 'bob', args: string[]) => Program): Promise<string> {
    const server = start('bob', ['-e', LAB_SERVER, require.resolve('../support/lab-body'), '0']);
    return (await server.line((line) => line.startsWith('listening'))).split(' ')[1]!;
  }

  for (const queueMs of [20, 100]) {
    it(`a queue of ${queueMs} ms, shared with a flow of CUBIC -> neither starves, and it is used`, async () => {
      lab.narrow('alice', MEGABITS, queueMs);
      const [ours, theirs] = await Promise.all([
        serve((host, args) => lab.program(host, args)),
        serve((host, args) => lab.plain(host, args)),
      ]);
      const flows = [
        lab.program('alice', ['-e', LAB_METER, `http://${lab.fqdn('bob')}:${ours}/${ENDLESS}`]),
        lab.plain('alice', ['-e', LAB_METER, `http://${lab.address('bob', 4)}:${theirs}/${ENDLESS}`]),
      ];
      const rates = await rateOfEach(flows);
      await Promise.all(flows.map((flow) => flow.kill()));
      const sum = rates[0]! + rates[1]!;
      const told = `${rates.map((rate) => (rate / 1e6).toFixed(2)).join(' and ')} MB/s`;
      assert.ok(Math.min(...rates) > sum / LEAST_SHARE, told);
      assert.ok(sum > (MEGABITS / 8) * 1e6 * 0.75, told);
    });
  }
}

/** Bytes a second, over the same time. */
async function rateOfEach(flows: readonly Program[]): Promise<number[]> {
  const begun = await Promise.all(
    flows.map(async (flow) => {
      await flow.line((line) => Number(line) > 0);
      return flow.lines.findIndex((line) => Number(line) > 0);
    }),
  );
  const at = (report: number): Promise<number[]> =>
    Promise.all(
      flows.map(async (flow, i) => {
        const wanted = begun[i]! + report;
        await flow.line(() => flow.lines.length > wanted);
        return Number(flow.lines[wanted]);
      }),
    );
  const from = await at(SETTLING);
  const to = await at(SETTLING + MEASURED);
  return to.map((bytes, i) => (bytes - from[i]!) / (MEASURED / 2));
}

describeLab('fairness in a bottleneck', tests, { commands: ['tc'] });
