/** What flows have seen of a scenario's moves, as figures, as text, and as the record that programs read. */

const PERCENTILES = { p50: 0.5, p90: 0.9, p99: 0.99, maximum: 1 };
/** Percentiles by nearest rank. */
const percentile = (values, share) =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
/** Of `exchange` something comes each period anyway; of `stream` the period is too short to matter. */
const interruptions = (gaps, { workload, periodMs }) =>
  workload === 'stream' ? gaps : gaps.map((gapMs) => Math.max(0, gapMs - periodMs));

export async function summary(scenario, flow, { gaps, quiet }) {
  const { system, workload } = flow;
  if (gaps.length === 0) return { scenario, system, workload, reason: 'it was stopped before the first move' };
  const values = interruptions(gaps, flow);
  return {
    ...{ scenario, system, workload, moves: values.length },
    ...Object.fromEntries(Object.entries(PERCENTILES).map(([name, share]) => [name, percentile(values, share)])),
    quiet: percentile(interruptions(quiet, flow), PERCENTILES.p99),
    broken: await flow.broken(),
    wrong: await flow.wrong(),
  };
}

/** Of the peers that had no connection broken, the best; of all of them, where each had. */
function bestPeer(rows, { scenario, workload }, metric) {
  const peers = rows.filter(
    (row) => row.scenario === scenario && row.workload === workload && row.system !== 'ntmobile' && !row.reason,
  );
  const whole = peers.filter(({ broken }) => broken === 0);
  return (whole.length > 0 ? whole : peers).toSorted((a, b) => a[metric] - b[metric])[0];
}

export function printRows(rows) {
  const write = (text) => process.stdout.write(`${text}\n`);
  for (const key of new Set(rows.map(keyOf))) {
    const group = rows.filter((row) => keyOf(row) === key);
    write(`\n${key}: interruption of a move in ms`);
    const head = [...Object.keys(PERCENTILES), 'quiet p99', 'broken'].map((name) => name.padStart(10)).join('');
    write(`  ${''.padEnd(22)}${head}`);
    for (const row of group) {
      const name = `  ${row.system.padEnd(22)}`;
      if (row.reason) write(`${name}  not possible: ${row.reason}`);
      else write(`${name}${cellsOf(row)}`);
    }
    for (const ours of group.filter(({ system, reason }) => system === 'ntmobile' && !reason)) {
      for (const metric of Object.keys(PERCENTILES)) {
        const best = bestPeer(rows, ours, metric);
        if (best) write(`  ${metric}: ntmobile : ${best.system} ${ratio(ours[metric], best[metric]).toFixed(3)}`);
      }
    }
  }
}

const keyOf = ({ scenario, workload }) => `${scenario}, ${workload}`;
/** Half a millisecond is no interruption that could be told from another. */
const LEAST_MS = 0.5;
const ratio = (ours, theirs) => Math.max(ours, LEAST_MS) / Math.max(theirs, LEAST_MS);

function cellsOf(row) {
  const values = [...Object.keys(PERCENTILES).map((name) => row[name]), row.quiet].map((value) => value.toFixed(1));
  const wrong = row.wrong > 0 ? `   ${row.wrong} messages were not what was sent` : '';
  return `${[...values, String(row.broken)].map((text) => text.padStart(10)).join('')}   ${row.moves} moves${wrong}`;
}

export function toRecord(rows) {
  const measured = rows.filter(({ reason }) => !reason);
  const figures = measured.flatMap(({ scenario, workload, system, moves, ...row }) =>
    [
      ...Object.keys(PERCENTILES).map((name) => [`interruption-${name}`, 'ms', row[name]]),
      ['quiet-p99', 'ms', row.quiet],
      ['broken', 'connections', row.broken],
      ['wrong', 'messages', row.wrong],
    ].map(([metric, unit, value]) => ({ system, metric, unit, value, scenario, workload, moves })),
  );
  const impossible = rows
    .filter(({ reason }) => reason)
    .map(({ scenario, workload, system, reason }) => ({ system, scenario, workload, reason }));
  return { figures, ratios: ratiosOf(measured), impossible };
}

/** ntmobile's to each peer's, and to that of the best one. */
function ratiosOf(rows) {
  const ours = rows.filter(({ system }) => system === 'ntmobile');
  return ours.flatMap((row) =>
    Object.keys(PERCENTILES).flatMap((name) => {
      const { scenario, workload } = row;
      const about = (other, to) => ({
        ...{ metric: `interruption-${name}`, scenario, workload },
        ...{ of: 'ntmobile', to, value: ratio(row[name], other[name]) },
      });
      const best = bestPeer(rows, row, name);
      const peers = rows.filter((other) => other !== row && keyOf(other) === keyOf(row));
      return [...peers.map((other) => about(other, other.system)), ...(best ? [about(best, 'best peer')] : [])];
    }),
  );
}
