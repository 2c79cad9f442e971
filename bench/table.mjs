/** A result as text. */
const rounded = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const columns = {
  megabytesPerSecond: 'MB/s',
  cpuMsPerMegabyte: 'CPU ms/MB',
  perSecond: 'per s',
  p50us: 'p50 us',
  p99us: 'p99 us',
  setUpMs: 'set-up ms',
  bytesPerConnection: 'bytes per connection (client, server)',
};

export function printTable({ name, parameters, figures, ratios }) {
  const given = Object.entries(parameters).flatMap(([key, value]) =>
    key === 'workload' || value === undefined ? [] : [`${key} ${JSON.stringify(value)}`],
  );
  process.stdout.write(`\n${[name, ...given].join(', ')}\n`);
  for (const [peer, figure] of Object.entries(figures)) {
    const cells = Object.entries(figure).map(([key, value]) => {
      const text = typeof value === 'object' ? Object.values(value).map(rounded).join(', ') : rounded(value);
      return `${text} ${columns[key] ?? key}`;
    });
    const ratio = ratios[`to ${peer}`];
    const compared = ratio === undefined ? '' : `ntmobile: ${rounded(ratio)} x`;
    process.stdout.write(`  ${peer.padEnd(13)} ${cells.join('   ').padEnd(60)} ${compared}\n`);
  }
}
