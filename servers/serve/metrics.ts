/**
 * Metrics in Prometheus's text format, and health, over HTTP:
 *
 *   GET /metrics   what the server counts, and what Node's process uses
 *   GET /health    200 `ok`, or 503 with what is wrong
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Endpoint } from '../../core/wire/addresses';
import type { Figure, ServedServer } from './served';

export interface MetricsHost {
  readonly local: Endpoint;
  close(): Promise<void>;
}

type Source = Pick<ServedServer, 'figures' | 'ailment'>;

/** Rejects when the endpoint cannot be bound. */
export async function openMetrics({ address, port }: Endpoint, source: Source): Promise<MetricsHost> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://metrics');
    if (pathname === '/health') {
      const ailment = source.ailment();
      response.writeHead(ailment === undefined ? 200 : 503, { 'content-type': 'text/plain' });
      return void response.end(`${ailment ?? 'ok'}\n`);
    }
    if (pathname !== '/metrics') return void response.writeHead(404).end();
    update(registry, source.figures());
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  return {
    local: { address: bound.address, port: bound.port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The server counts by itself; the registry is brought to the same values when it is asked. */
function update(registry: Registry, figures: readonly Figure[]): void {
  for (const { name } of figures) registry.getSingleMetric(`ntmobile_${name}`)?.reset();
  for (const { name, help, type, value, labels = {} } of figures) {
    const known = registry.getSingleMetric(`ntmobile_${name}`);
    const options = { name: `ntmobile_${name}`, help, labelNames: Object.keys(labels), registers: [registry] };
    if (type === 'gauge') ((known ?? new Gauge(options)) as Gauge).set(labels, value);
    else ((known ?? new Counter(options)) as Counter).inc(labels, value);
  }
}
