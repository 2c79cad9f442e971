/** Logs and metrics of the servers of `up`. */
import type { Logger } from 'pino';
import { nodeTimers } from '../core/runtime-node';
import type { Trace } from '../core/trace';
import type { Endpoint } from '../core/wire/addresses';
import type { EmbeddedNetwork } from '../servers/embedded-network';
import type { Watch } from '../servers/host';
import type { ServerName } from '../servers/network-settings';
import { ServerMetrics, type MetricsHost } from '../servers/serve/metrics';
import { ServerEvents } from '../servers/serve/server-events';
import type { TransactionClock } from '../servers/transaction-clock';
import { openTransactionClock } from './transaction-clock';
import { packageVersion } from './version';

export class UpWatch {
  private network: EmbeddedNetwork | undefined;
  private host: MetricsHost | undefined;
  private readonly events: ServerEvents;
  private readonly metrics = new ServerMetrics(packageVersion(), {
    figures: () => this.network?.figures() ?? {},
    ailment: () => (this.network ? undefined : 'it is starting'),
    notes: () => [],
  });

  private readonly transactions: TransactionClock;

  /** The directory must be there. */
  constructor(dir: string, log: Logger) {
    this.transactions = openTransactionClock(dir, log);
    this.events = new ServerEvents(log, nodeTimers, () => {
      const all = Object.entries(this.network?.figures() ?? {});
      return all.flatMap(([server, figures]) =>
        figures.map((figure) => ({ ...figure, labels: { server, ...figure.labels } })),
      );
    });
  }

  of(server: ServerName, trace: Trace): Watch {
    return {
      trace: this.events.tracing(trace),
      transactionTimeMs: this.transactions.now,
      onHandled: (handled) => {
        this.events.onHandled(handled);
        this.metrics.handled(server, handled);
      },
    };
  }

  /** Rejects when `endpoint` cannot be bound. */
  async start(network: EmbeddedNetwork, endpoint: Endpoint | undefined): Promise<void> {
    this.network = network;
    this.events.start();
    if (endpoint) this.host = await this.metrics.open(endpoint);
  }

  async stop(): Promise<void> {
    await this.host?.close();
    this.events.stop();
    this.transactions.stop();
  }
}
