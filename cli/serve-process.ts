/**
 * One server as a process: its directory is locked, it serves until SIGTERM or SIGINT, and SIGHUP reads its settings
 * again. What cannot be taken over, and why, is said by the log and by /health; the server goes on as it was.
 */
import type { Logger } from 'pino';
import { nodeClock, nodeRandom, nodeTimers } from '../core/runtime-node';
import { noTrace } from '../core/trace';
import { openTraceFile, type TraceFile } from '../core/trace-file';
import { formatEndpoint } from '../core/wire/addresses';
import { changedSettings } from '../servers/serve/changed-settings';
import { readSettings } from '../servers/serve/config-file';
import { ServerMetrics, type MetricsHost } from '../servers/serve/metrics';
import { serve } from '../servers/serve/serve';
import type { ServedServer } from '../servers/serve/served';
import { ServerEvents } from '../servers/serve/server-events';
import { serverKey } from '../servers/serve/server-key';
import type { Kind, Settings } from '../servers/serve/settings';
import { lockDirectory } from '../servers/store/directory-lock';
import { levelOf } from './log';
import { openTransactionClock } from './transaction-clock';
import { packageVersion } from './version';

const DEFAULT_LEVEL = 'info';

export class ServeProcess<K extends Kind> {
  private server: ServedServer<K> | undefined;
  /** While it starts and stops. */
  private ailment: string | undefined = 'it is starting';
  private problem: string | undefined;
  private needsRestart: readonly string[] = [];
  private readonly events: ServerEvents;
  private readonly metrics: ServerMetrics;

  constructor(
    private readonly kind: K,
    private readonly configFile: string,
    private settings: Settings<K>,
    private readonly log: Logger,
  ) {
    this.events = new ServerEvents(log, nodeTimers, () => this.figures());
    this.metrics = new ServerMetrics(packageVersion(), {
      figures: () => ({ [kind]: this.figures() }),
      ailment: () => this.ailment ?? this.server?.ailment(),
      notes: () => this.notes(),
    });
    this.setLevel();
  }

  /** `onServing` is told once, what it serves and where. Resolves when it has ended. */
  async run(stopped: Promise<string>, onServing: (about: Readonly<Record<string, string>>) => void): Promise<void> {
    const stop = new AbortController();
    void stopped.then(() => stop.abort());
    process.on('SIGHUP', this.onHangUp);
    serverKey(this.settings.dir, nodeRandom); // makes the directory
    const lock = lockDirectory(this.settings.dir);
    const traceFile = this.openTrace();
    let metrics: MetricsHost | undefined;
    try {
      metrics = this.settings.metrics && (await this.metrics.open(this.settings.metrics));
      await this.serve(stop.signal, traceFile, metrics, onServing, stopped);
    } catch (error) {
      if (!stop.signal.aborted) throw error; // else it was stopped while it started
    } finally {
      await metrics?.close();
      this.events.stop();
      lock.release();
      traceFile?.close();
      process.off('SIGHUP', this.onHangUp);
    }
  }

  private async serve(
    stop: AbortSignal,
    traceFile: TraceFile | undefined,
    metrics: MetricsHost | undefined,
    onServing: (about: Readonly<Record<string, string>>) => void,
    stopped: Promise<string>,
  ): Promise<void> {
    const { kind, events } = this;
    const transactions = openTransactionClock(this.settings.dir, this.log);
    const server = await serve(kind, this.settings, {
      trace: events.tracing(traceFile?.trace ?? noTrace),
      onHandled: (handled) => {
        events.onHandled(handled);
        if (metrics) this.metrics.handled(kind, handled);
      },
      log: (text, more = {}) => {
        if (!this.server) this.ailment = text;
        this.log.warn({ kind, ...more }, text);
      },
      stop,
      transactionTimeMs: transactions.now,
    });
    try {
      this.server = server;
      this.ailment = undefined;
      events.start();
      const about = { ...server.about, ...(metrics && { 'shows metrics on': formatEndpoint(metrics.local) }) };
      this.log.info({ kind, about }, 'serving');
      onServing(about);
      this.log.info({ kind, signal: await stopped }, 'stopping');
      this.ailment = 'it is stopping';
    } finally {
      await server.close();
      transactions.stop();
      this.log.info({ kind }, 'stopped');
    }
  }

  private readonly onHangUp = (): void => {
    this.reload().catch((error: unknown) => {
      this.problem = `the new settings could not be taken: ${(error as Error).message}`;
      this.log.error({ kind: this.kind }, this.problem);
    });
  };

  private async reload(): Promise<void> {
    const { kind, configFile, log } = this;
    let fresh: Settings<K>;
    try {
      fresh = readSettings(kind, configFile);
    } catch (error) {
      this.problem = `the settings of before go on: ${(error as Error).message}`;
      return log.error({ kind }, this.problem);
    }
    if (!this.server) return log.warn({ kind }, 'it is still starting: send SIGHUP again later');
    const { taken, live, restart } = changedSettings(kind, this.settings, fresh);
    await this.server.reload?.(taken);
    this.settings = taken;
    this.problem = undefined;
    this.needsRestart = restart;
    this.setLevel();
    log.info({ kind, changed: live, needsRestart: restart }, 'settings read again');
  }

  /** NTMOBILE_LOG wins, as variables do for nodes. */
  private setLevel(): void {
    this.log.level = levelOf(process.env) ?? this.settings.log ?? DEFAULT_LEVEL;
  }

  private figures() {
    return this.server?.figures() ?? [];
  }

  private notes(): string[] {
    const restart = this.needsRestart.length > 0 ? [`needs a restart for: ${this.needsRestart.join(', ')}`] : [];
    return [...(this.problem === undefined ? [] : [this.problem]), ...restart];
  }

  private openTrace(): TraceFile | undefined {
    const { trace } = this.settings;
    if (trace === undefined) return undefined;
    return openTraceFile(trace, nodeClock, ({ message: error }) => this.log.warn({ error }, 'no trace'));
  }
}
