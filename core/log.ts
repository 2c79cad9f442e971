/**
 * NTMOBILE_LOG: what a node tells the person at the program's standard error. Each level says what those before it say:
 *
 *   silent   nothing
 *   error    why this node is not joined
 *   warn     warnings of the process (process.emitWarning): the default
 *   info     joined, lost and regained the network, tunnels made and over, routes that change
 *   debug    every event of the trace, as it is written to NTMOBILE_TRACE
 *
 * Nothing is made or called for what is not said. Events hold no secrets (trace.ts).
 */
import type { Way } from './reach/detour';
import type { Trace, TraceEvent } from './trace';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** By which servers are reached from now on (reach/detour.ts). */
const WAYS: Record<Way, string> = {
  udp: "servers are reached by UDP and this host's own way again",
  tls: 'no UDP passes here: servers and relays are reached over TLS',
  interface: 'servers are silent: they are reached by another interface of this host',
};

/** Tunnels of which it is remembered that they were told of. */
const TOLD_LIMIT = 4_096;

export class Log {
  /** `write` is given one line without its end. */
  constructor(
    private readonly level: LogLevel,
    private readonly write: (line: string, level: 'error' | 'info' | 'debug') => void,
  ) {}

  says(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(this.level);
  }

  error(text: string): void {
    if (this.says('error')) this.write(oneLine(text), 'error');
  }

  /** As Node shows warnings, and with what it offers for them (`--trace-warnings`, `process.on('warning')`). */
  warning(text: string): void {
    if (this.says('warn')) process.emitWarning(`ntmobile: ${text}`);
  }

  /** `trace`, and what is said of its events. */
  tracing(trace: Trace): Trace {
    if (!this.says('info')) return trace;
    const news = newsTeller();
    const detailed = this.says('debug');
    return (event) => {
      trace(event);
      const { part, event: what, ...details } = event;
      if (detailed) this.write(oneLine(`${part}: ${what} ${JSON.stringify(details)}`), 'debug');
      const text = news(event);
      if (text !== undefined) this.write(oneLine(text), 'info');
    };
  }
}

/** What was said before decides whether an event is news: a tunnel is established anew every two minutes. */
function newsTeller(): (event: TraceEvent) => string | undefined {
  let isLost = false;
  const paths = new Map<string, string>();
  return (event) => {
    const peer = String(event['peer']);
    const path = String(event['path']);
    switch (event.event) {
      case 'logged in': {
        const back = isLost ? 'the network is back: ' : '';
        isLost = false;
        return `${back}joined as ${String(event['fqdn'])} (${String(event['addresses'])})`;
      }
      case 'lost':
        isLost = true;
        return `lost the network, joining again: ${String(event['why'])}`;
      case 'established':
      case 'roamed': {
        const before = paths.get(peer);
        if (before === undefined && event.event === 'roamed') return undefined; // its handshake still goes on
        if (before === path) return undefined;
        if (paths.size >= TOLD_LIMIT) paths.clear();
        paths.set(peer, path);
        return before === undefined
          ? `tunnel with ${peer} made (${path})`
          : `route to ${peer} changed from ${before} to ${path}`;
      }
      case 'way changed':
        return WAYS[event['way'] as Way];
      case 'expired':
        return paths.delete(peer) ? `tunnel with ${peer} over` : undefined;
      default:
        return undefined;
    }
  };
}

/** What others chose, e.g. a message of a server, stays one line and moves no cursor. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}
