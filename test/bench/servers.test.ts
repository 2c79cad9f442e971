/** The benchmarks of signalling, servers and handover run, and record what they should: with so few trials no figure means much. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describeLab } from '../support/lab';
import { projectRoot } from '../support/paths';

interface Benchmark {
  bench(options: object): Promise<object>;
  toRecord(result: object): { figures: Figure[]; ratios: { metric: string; of: string; to: string; value: number }[] };
}

interface Figure {
  readonly system: string;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
}

// CommonJS tests load a module of ECMAScript by import() only, which the compiler must leave alone.
const load = new Function('file', 'return import(file)') as (file: string) => Promise<Benchmark>;

async function recordOf(name: string, options: object): Promise<ReturnType<Benchmark['toRecord']>> {
  const { bench, toRecord } = await load(join(projectRoot, 'bench', `${name}.mjs`));
  const record = toRecord(await bench(options));
  for (const { metric, value } of record.figures) assert.ok(Number.isFinite(value), metric);
  for (const { metric, value } of record.ratios) assert.ok(Number.isFinite(value), metric);
  return record;
}

const metricsOf = (figures: readonly Figure[], system: string): string[] =>
  figures.filter((figure) => figure.system === system).map(({ metric }) => metric);

describeLab('benchmarks of the servers', function () {
  this.timeout(120_000);

  it('signalling, one trial with NS -> the rows of Table 4 beside the paper, and the trips', async () => {
    const { figures, ratios } = await recordOf('signalling', { trials: 1, firstMeetings: 0, notification: [true] });
    const ours = metricsOf(figures, 'ntmobile');
    for (const metric of metricsOf(figures, 'paper').filter((each) => / avg$/.test(each))) {
      assert.ok(ours.includes(metric), metric);
    }
    assert.ok(ours.includes('tunnel with NS, avg'));
    assert.ok(ratios.some(({ metric, to }) => metric === 'tunnel with NS, avg' && to === 'paper'));
  });

  it('handover, three moves -> the interruption beside a peer, and nothing of ntmobile broken', async () => {
    const few = {
      moves: 3,
      scenario: ['link event'],
      system: ['ntmobile', 'wireguard-go'],
      workload: ['exchange'],
    };
    const { figures, ratios } = await recordOf('handover', few);
    for (const metric of ['p50', 'p90', 'p99', 'maximum'].map((name) => `interruption-${name}`)) {
      assert.ok(metricsOf(figures, 'ntmobile').includes(metric), metric);
      assert.ok(
        ratios.some((ratio) => ratio.metric === metric && ratio.to === 'best peer'),
        metric,
      );
    }
    const ours = figures.filter(({ system }) => system === 'ntmobile');
    for (const { metric, value } of ours.filter((each) => ['broken', 'wrong'].includes(each.metric))) {
      assert.equal(value, 0, metric);
    }
  });

  it('load, a few nodes -> every rate and what a node takes, and how they grow', async () => {
    const few = { nodes: [20, 40], seconds: 0.2, settleSeconds: 0, relay: 0, logins: 1 };
    const { figures, ratios } = await recordOf('load', few);
    const ours = metricsOf(figures, 'ntmobile');
    for (const metric of ['logins', 'sessions', 'registrations', 'keepAlives', 'directions', 'directions per core']) {
      assert.ok(ours.includes(metric), metric);
    }
    assert.ok(ratios.some(({ metric, of, to }) => metric === 'directions' && of === '40 nodes' && to === '20 nodes'));
  });
});
