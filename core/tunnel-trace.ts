/** Tunnel events as trace events, with the paper's names and steps (Figure 5 steps 17 to 21, 6, 7 steps 29 to 34). */
import type { TunnelEvent } from './packet/packet-module';
import { describePath, type Path } from './packet/path';
import type { Tunnel } from './packet/wireguard/tunnel';
import type { Trace } from './trace';

interface Traced {
  readonly event: string;
  readonly message?: string;
  /** Of Figure 5, and of Figure 7, where the RS is in between. */
  readonly step: readonly [figure5: number, figure7: number];
}

const steps: Partial<Record<TunnelEvent['kind'], Traced>> = {
  'request-sent': { event: 'send', message: 'Tunnel Request', step: [17, 29] },
  'request-received': { event: 'receive', message: 'Tunnel Request', step: [17, 30] },
  'response-sent': { event: 'send', message: 'Tunnel Response', step: [18, 31] },
  'response-received': { event: 'receive', message: 'Tunnel Response', step: [18, 32] },
  established: { event: 'established', step: [19, 33] },
  'keepalive-sent': { event: 'send', message: 'Keep Alive', step: [20, 34] },
  'keepalive-received': { event: 'receive', message: 'Keep Alive', step: [20, 34] },
};

/** `handover`: the tunnel was last directed because one of the two nodes has changed its network. */
export function traceTunnel(trace: Trace, part: string, event: TunnelEvent, handover: boolean): void {
  if (event.kind === 'dropped') {
    return trace({ part, event: 'drop', reason: event.reason, path: describePath(event.from) });
  }
  const { fqdn, path } = event.tunnel;
  if (event.kind === 'first-sent' || event.kind === 'first-received') {
    return traceFirst(trace, { part, peer: fqdn, path: describePath(path) }, event.kind);
  }
  const step = steps[event.kind];
  if (!step) return trace({ part, event: event.kind, peer: fqdn, path: describePath(path) });
  const isFigure7 = handover && path.kind === 'relay';
  const paper = { figure: isFigure7 ? 7 : 5, step: step.step[isFigure7 ? 1 : 0] } as const;
  trace({ part, peer: fqdn, path: describePath(path), ...step, ...paper });
}

/** Figure 8: probes of a direct path inside a tunnel are its Tunnel Requests and Responses. */
export function traceFigure8(
  trace: Trace,
  part: string,
  { fqdn }: Tunnel,
  what: 'request-sent' | 'request-received' | 'response-received',
  path: Path,
): void {
  const event = what === 'request-sent' ? 'send' : 'receive';
  const message = what === 'response-received' ? 'Tunnel Response' : 'Tunnel Request';
  const step = what === 'response-received' ? 3 : 1;
  trace({ part, event, message, peer: fqdn, path: describePath(path), figure: 8, step });
}

/** Figure 6, of the first packet each way: as this node sees it, its own is that of steps 1 to 3. */
function traceFirst(
  trace: Trace,
  tunnel: { readonly part: string; readonly peer: string; readonly path: string },
  kind: 'first-sent' | 'first-received',
): void {
  const message = 'encapsulated packet';
  if (kind === 'first-sent') {
    trace({ ...tunnel, event: 'communicates', figure: 5, step: 21 });
    trace({ ...tunnel, event: 'packet made', figure: 6, step: 1 });
    trace({ ...tunnel, event: 'encapsulated', figure: 6, step: 2 });
    return trace({ ...tunnel, event: 'send', message, figure: 6, step: 3 });
  }
  trace({ ...tunnel, event: 'receive', message, figure: 6, step: 4 });
  trace({ ...tunnel, event: 'decapsulated', figure: 6, step: 5 });
  trace({ ...tunnel, event: 'packet taken', figure: 6, step: 6 });
}
