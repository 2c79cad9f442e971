/**
 * What a server's log says of its work:
 *
 *   info    nodes that join and leave, logins that are refused
 *   debug   every event of the trace, every other refusal
 *   error   requests that failed for a reason of this server's own, such as a full disk
 *   warn    what was dropped, summed up once a minute for each reason
 *
 * Anyone can make a server drop and refuse, so of what repeats the first is told at once and the others are counted
 * until the minute is over. Events hold no secrets (core/trace.ts).
 */
import type { Timer, Timers } from '../../core/runtime';
import { noTrace, type Trace, type TraceEvent } from '../../core/trace';
import type { Handled } from '../../core/wire/signalling';
import type { Figure } from './served';

const SUM_MS = 60_000;
/** Kinds of repeated lines in one minute; the others share one. */
const KINDS_LIMIT = 256;
/** Figures whose growth is told. */
const TOLD_FIGURES = new Set(['dropped_total', 'store_errors_total']);
const REFUSED_LOGINS = new Set(['login-refused', 'login-limited', 'key-expired', 'key-used', 'key-name']);

/** As pino's. */
export interface ServerLog {
  isLevelEnabled(level: string): boolean;
  debug(more: object, text: string): void;
  info(more: object, text: string): void;
  warn(more: object, text: string): void;
  error(more: object, text: string): void;
}

type Level = 'info' | 'warn' | 'error';

interface Repeated {
  readonly level: Level;
  readonly more: object;
  readonly text: string;
  again: number;
}

export class ServerEvents {
  private readonly repeated = new Map<string, Repeated>();
  private readonly told = new Map<string, number>();
  private timer: Timer | undefined;

  constructor(
    private readonly log: ServerLog,
    private readonly timers: Timers,
    private readonly figures: () => readonly Figure[],
  ) {}

  start(): void {
    this.timer = this.timers.schedule(SUM_MS, () => {
      this.sum();
      this.start();
    });
  }

  /** Tells what is left to tell. */
  stop(): void {
    this.timer?.cancel();
    this.sum();
  }

  /** `trace`, and what the log says of its events. */
  tracing(trace: Trace): Trace {
    const told: Trace = (event) => {
      trace(event);
      this.tell(event);
    };
    return Object.assign(told, { skipsMessages: trace === noTrace && !this.log.isLevelEnabled('debug') });
  }

  readonly onHandled = ({ message, outcome, peer, from }: Handled): void => {
    if (outcome === 'answered' || outcome === 'none') return;
    const more = { message, reason: outcome, peer: peer.name, from: addressOf(from) };
    if (REFUSED_LOGINS.has(outcome)) this.once('info', more, 'login refused');
    else if (this.log.isLevelEnabled('debug')) this.log.debug(more, 'refused');
  };

  private tell({ part, event, ...details }: TraceEvent): void {
    const { log } = this;
    if (event === 'handler failed') {
      const { message, error } = details;
      return this.once('error', { part, message, error }, 'a request failed');
    }
    if (event === 'state' && log.isLevelEnabled('info')) {
      const { node, state, reason } = details;
      if (state === 'registered') log.info({ node }, 'node joined');
      if (state === 'keyed') log.info({ node, reason }, 'node left');
    }
    if (log.isLevelEnabled('debug')) log.debug({ part, ...details }, event);
  }

  private once(level: Level, more: object, text: string): void {
    if (!this.log.isLevelEnabled(level)) return;
    const wanted = JSON.stringify([text, more]);
    const kind = this.repeated.has(wanted) || this.repeated.size < KINDS_LIMIT ? wanted : text;
    const known = this.repeated.get(kind);
    if (known) return void known.again++;
    this.repeated.set(kind, { level, more: kind === text ? {} : more, text, again: 0 });
    this.log[level](more, text);
  }

  private sum(): void {
    for (const { level, more, text, again } of this.repeated.values()) {
      if (again > 0) this.log[level]({ ...more, again }, text);
    }
    this.repeated.clear();
    for (const { name, value, labels } of this.figures()) {
      if (!TOLD_FIGURES.has(name)) continue;
      const kind = JSON.stringify([name, labels]);
      const count = value - (this.told.get(kind) ?? 0);
      this.told.set(kind, value);
      if (count > 0) this.log.warn({ ...labels, count }, name === 'dropped_total' ? 'dropped' : 'store errors');
    }
  }
}

/** Without the port, which a stranger changes at will. */
function addressOf(from: unknown): unknown {
  const { address, stream } = from as { address?: string; stream?: { sourceAddress?: string } };
  return address ?? stream?.sourceAddress;
}
