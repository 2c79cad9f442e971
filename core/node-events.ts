/** What programs may be told of a node while it runs: its handovers, and the routes that its tunnels take. */
import type { Handover } from './handover/handover-reports';
import type { RouteChange } from './packet-path';
import type { Clock } from './runtime';
import type { Trace } from './trace';

export interface NodeEventListeners {
  handover(handover: Handover): void;
  route(route: RouteChange): void;
}

const SEND_FAILED_MS = 1_000;

type Name = keyof NodeEventListeners;

/** The result ends it. Throws TypeError for a name that is none, or a listener that is no function. */
export type Listen = <N extends Name>(name: N, listener: NodeEventListeners[N]) => () => void;

export class NodeEvents {
  private readonly listeners: { readonly [N in Name]: Set<NodeEventListeners[N]> } = {
    handover: new Set(),
    route: new Set(),
  };

  /** When each was told last. */
  private readonly failures = new Map<string, number>();

  constructor(
    private readonly trace: Trace,
    private readonly part: string,
    private readonly clock: Clock,
  ) {}

  readonly on: Listen = (name, listener) => {
    checkListener(name, listener);
    const { [name]: listeners } = this.listeners;
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  handover(handover: Handover): void {
    const { reason, fromAddresses, toAddresses, ...times } = handover;
    const addresses = { from: fromAddresses.join(', '), to: toAddresses.join(', ') };
    this.trace({ part: this.part, event: 'handover over', reason, ...addresses, ...times });
    this.tell('handover', handover);
  }

  route(route: RouteChange): void {
    const { peer, from, to, why } = route;
    this.trace({ part: this.part, event: 'route', peer, from, to, why });
    this.tell('route', route);
  }

  /** Where there is no route, no packet can be sent: once a second for each reason is told. */
  sendFailed({ code = 'unknown' }: { readonly code?: string }, to: string): void {
    const nowMs = this.clock.now();
    if (nowMs - (this.failures.get(code) ?? -Infinity) < SEND_FAILED_MS) return;
    this.failures.set(code, nowMs);
    this.trace({ part: this.part, event: 'send failed', code, to });
  }

  /** A listener that throws breaks nothing here: it is the program's error, and is thrown as one of a timer would be. */
  private tell<N extends Name>(name: N, about: Parameters<NodeEventListeners[N]>[0]): void {
    for (const listener of [...this.listeners[name]]) {
      queueMicrotask(() => (listener as (event: typeof about) => void)(about));
    }
  }
}

/** Throws TypeError. */
export function checkListener(name: unknown, listener: unknown): void {
  if ((name === 'handover' || name === 'route') && typeof listener === 'function') return;
  throw new TypeError(`on('handover' | 'route', listener): not ${String(name)} with ${typeof listener}`);
}
