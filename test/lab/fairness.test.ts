/** Two programs through one bottleneck: one with the preload, one with the kernel's TCP. */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { LAB_METER, LAB_SERVER } from '../support/lab-programs';
import type { Program } from '../support/processes';
import { RouterLab } from '../support/router-lab';
import { hasJoined } from '../support/trace-watch';

const ENDLESS = 10_000_000_000;
const MEGABITS = 40;
/** Even in the long run; but CUBIC's waves are as long as what is looked at. */
const LEAST_SHARE = 6;
/** Reports, one about every half a second: until both flows have settled, and to look at. */
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

  async function serveByName(): Promise<string> {
    let server: Program | undefined;
    const port = await serve((host, args) => (server = lab.program(host, args)));
    await lab.traced('bob', '', (events) => hasJoined(events, server!));
    return port;
  }

  for (const queueMs of [20, 100]) {
    it(`a queue of ${queueMs} ms, shared with a flow of CUBIC -> neither starves, and it is used`, async () => {
      lab.narrow('alice', MEGABITS, queueMs);
      const [ours, theirs] = await Promise.all([serveByName(), serve((host, args) => lab.plain(host, args))]);
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

/** Bytes a second, of each by its own clock, over about the same time. */
async function rateOfEach(flows: readonly Program[]): Promise<number[]> {
  const begun = await Promise.all(
    flows.map(async (flow) => {
      await flow.line((line) => parseInt(line) > 0);
      return flow.lines.findIndex((line) => parseInt(line) > 0);
    }),
  );
  const at = (report: number): Promise<[bytes: number, ms: number][]> =>
    Promise.all(
      flows.map(async (flow, i) => {
        const wanted = begun[i]! + report;
        await flow.line(() => flow.lines.length > wanted);
        const [bytes, ms] = flow.lines[wanted]!.split(' ').map(Number);
        return [bytes!, ms!];
      }),
    );
  const from = await at(SETTLING);
  const to = await at(SETTLING + MEASURED);
  return to.map(([bytes, ms], i) => (bytes - from[i]![0]) / ((ms - from[i]![1]) / 1_000));
}

describeLab('fairness in a bottleneck', tests, { commands: ['tc'] });
