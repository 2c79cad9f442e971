/** Tunnel events as trace events, with the paper's names and steps (Figure 5 steps 17 to 20). */
import type { TunnelEvent } from './packet/packet-module';
import { describePath } from './packet/path';
import type { Trace } from './trace';

const steps: Partial<Record<TunnelEvent['kind'], { event: string; message: string; step: number }>> = {
  'request-sent': { event: 'send', message: 'Tunnel Request', step: 17 },
  'request-received': { event: 'receive', message: 'Tunnel Request', step: 17 },
  'response-sent': { event: 'send', message: 'Tunnel Response', step: 18 },
  'response-received': { event: 'receive', message: 'Tunnel Response', step: 18 },
  'keepalive-sent': { event: 'send', message: 'Keep Alive', step: 20 },
  'keepalive-received': { event: 'receive', message: 'Keep Alive', step: 20 },
};

export function traceTunnel(trace: Trace, part: string, event: TunnelEvent): void {
  if (event.kind === 'dropped') {
    return trace({ part, event: 'drop', reason: event.reason, path: describePath(event.from) });
  }
  const { fqdn, path } = event.tunnel;
  const step = steps[event.kind];
  if (!step) return trace({ part, event: event.kind, peer: fqdn, path: describePath(path) });
  trace({ part, peer: fqdn, path: describePath(path), figure: 5, ...step });
}
