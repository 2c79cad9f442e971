/**
 * Results as one JSON object, for programs that compare runs:
 *
 *   { bench, commit, machine, figures: [{ system, metric, unit, value, ... }], ratios: [{ metric, of, to, value, ... }] }
 *
 * A ratio is `of`'s value over `to`'s, in the same run. What a benchmark varies (`mtu`, `roundTripMs` and `loss`), and
 * with `all` the benchmark's name, stands in each figure and ratio.
 */
import { execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';

const SYSTEMS = { kernel: 'kernel-tcp', udx: 'udx-native', raw: 'raw-dgram' };
/** What must be the same in two figures that are compared. */
const COMPARED = ['metric', 'bench', 'mtu', 'roundTripMs', 'loss'];
const COUNTED = { rr: 'requests', udp: 'datagrams', connect: 'connections' };

export function record(bench, results) {
  const figures = results.flatMap((result) => figuresOf(result, bench === 'all'));
  return { bench, commit: commit(), machine: machine(), figures, ratios: ratiosOf(figures) };
}

function figuresOf({ name, parameters, figures }, withName) {
  const { mtu, path } = parameters;
  const varied = {
    ...(withName && { bench: name }),
    ...(mtu && { mtu }),
    ...(path && { roundTripMs: 2 * path.delayMs, loss: path.loss }),
  };
  return Object.entries(figures).flatMap(([peer, figure]) => {
    const system = name === 'udp' && peer === 'kernel' ? 'kernel-udp' : (SYSTEMS[peer] ?? peer);
    return metricsOf(name, figure).map(([metric, unit, value]) => ({ system, metric, unit, value, ...varied }));
  });
}

function metricsOf(name, figure) {
  const { megabytesPerSecond, cpuMsPerMegabyte, perSecond, p50us, p99us, setUpMs, bytesPerConnection } = figure;
  return [
    ['throughput', 'MB/s', megabytesPerSecond],
    ['cpu', 'ms/MB', cpuMsPerMegabyte],
    [COUNTED[name], '1/s', perSecond],
    ['latency-p50', 'us', p50us],
    ['latency-p99', 'us', p99us],
    ['set-up', 'ms', setUpMs],
    ['memory-per-connection-client', 'B', bytesPerConnection?.client],
    ['memory-per-connection-server', 'B', bytesPerConnection?.server],
  ].filter(([, , value]) => value !== undefined);
}

function ratiosOf(figures) {
  const ours = figures.filter(({ system }) => system === 'ntmobile');
  const others = figures.filter(({ system }) => system !== 'ntmobile');
  return ours.flatMap((figure) =>
    others
      .filter((other) => COMPARED.every((key) => other[key] === figure[key]))
      .map(({ system, value }) => ({
        ...Object.fromEntries(COMPARED.map((key) => [key, figure[key]])),
        ...{ of: 'ntmobile', to: system, value: figure.value / value },
      })),
  );
}

export function machine() {
  const wireguardGo = execFileSync('sh', ['-c', 'wireguard-go --version | head -1']).toString().trim();
  const [cpu] = cpus();
  return { node: process.version, kernel: release(), cpus: cpus().length, cpu: cpu?.model, wireguardGo };
}

export function commit() {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, stdio: 'pipe' })
      .toString()
      .trim();
  } catch {
    return undefined; // not a clone
  }
}
