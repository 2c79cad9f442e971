/**
 * Metrics in Prometheus's text format, and health, over HTTP:
 *
 *   GET /metrics   what the servers count, and what Node's process uses
 *   GET /health    200 while the process lives: `ok`, and what a person should look at
 *   GET /ready     200 `ok`, or 503 with why it cannot do its work now
 *
 * Servers count by themselves (figures); only what needs a histogram is counted here, when a message was handled.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Endpoint } from '../../core/wire/addresses';
import type { Handled } from '../../core/wire/signalling';
import type { Figure } from './served';

const CONNECTIONS_LIMIT = 64;
/** From an answer out of memory to a password hash on a busy machine, and servers asked on the way. */
const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export interface MetricsHost {
  readonly local: Endpoint;
  close(): Promise<void>;
}

export interface MetricsSource {
  /** Of the servers in this process, by their kind. */
  figures(): Readonly<Record<string, readonly Figure[]>>;
  /** Why it cannot do its work now. */
  ailment(): string | undefined;
  /** What a person should look at, though it works. */
  notes(): readonly string[];
}

export class ServerMetrics {
  private readonly registry = new Registry();
  private readonly requests = new Counter({
    ...{ name: 'ntmobile_requests_total', help: 'Messages that were handled, by outcome', registers: [this.registry] },
    labelNames: ['server', 'message', 'outcome'] as const,
  });
  private readonly durations = new Histogram({
    ...{ name: 'ntmobile_request_seconds', help: 'From a request to its answer', registers: [this.registry] },
    ...{ labelNames: ['server', 'message'] as const, buckets: BUCKETS_SECONDS },
  });

  constructor(
    version: string,
    private readonly source: MetricsSource,
  ) {
    collectDefaultMetrics({ register: this.registry });
    const about = { version, node: process.version };
    new Gauge({
      ...{ name: 'ntmobile_build_info', help: 'Which program this is', registers: [this.registry] },
      labelNames: Object.keys(about),
    }).set(about, 1);
  }

  handled(server: string, { message, outcome, durationMs }: Handled): void {
    this.requests.inc({ server, message, outcome });
    if (outcome !== 'none') this.durations.observe({ server, message }, durationMs / 1000);
  }

  /** Rejects when the endpoint cannot be bound. */
  async open({ address, port }: Endpoint): Promise<MetricsHost> {
    const server = createServer((request, response) => void this.answer(request, response));
    server.maxConnections = CONNECTIONS_LIMIT;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port }, () => {
        server.off('error', reject);
        server.on('error', () => {}); // accepting failed for one connection, e.g. EMFILE
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

  async text(): Promise<string> {
    this.update();
    return this.registry.metrics();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405).end();
    const plain = (status: number, lines: readonly string[]): void =>
      void response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${lines.join('\n')}\n`);
    const ailment = this.source.ailment();
    switch (request.url?.split('?')[0]) {
      case '/metrics': {
        const text = await this.text().catch(() => undefined);
        if (text === undefined) return plain(500, ['the figures cannot be had']);
        return void response.writeHead(200, { 'content-type': this.registry.contentType }).end(text);
      }
      case '/health':
        return plain(200, ['ok', ...(ailment === undefined ? [] : [`not ready: ${ailment}`]), ...this.source.notes()]);
      case '/ready':
        return plain(ailment === undefined ? 200 : 503, [ailment ?? 'ok']);
      default:
        return plain(404, ['there are /metrics, /health and /ready']);
    }
  }

  /** Made anew each time: what a server no longer counts is gone, and figures of one name may differ in their labels. */
  private update(): void {
    const byName = new Map<string, { server: string; figure: Figure }[]>();
    for (const [server, figures] of Object.entries(this.source.figures())) {
      for (const figure of figures) byName.set(figure.name, [...(byName.get(figure.name) ?? []), { server, figure }]);
    }
    for (const [name, values] of byName) {
      const { help, type } = values[0]!.figure;
      const labelNames = ['server', ...new Set(values.flatMap(({ figure }) => Object.keys(figure.labels ?? {})))];
      const options = { name: `ntmobile_${name}`, help, labelNames, registers: [this.registry] };
      this.registry.removeSingleMetric(options.name);
      const metric = type === 'gauge' ? new Gauge(options) : new Counter(options);
      for (const { server, figure } of values) metric.inc({ server, ...figure.labels }, figure.value);
    }
  }
}
