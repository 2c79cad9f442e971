/**
 * Who gets in to this node (NTMOBILE_ALLOW), decided on authenticated identity: a packet's source address is one of its
 * tunnel's, which the packet module has checked, and the DC introduced that tunnel's node by its name.
 */
import type { InboundRules, Protocol } from './inbound-rules';
import type { InboundPolicy } from './packet/stack/stack-contract';
import type { Clock } from './runtime';
import type { Trace } from './trace';
import { formatIp } from './wire/ip-text';

/** A refusal is traced at most so often for each peer and port; all are counted. */
const TRACE_INTERVAL_MS = 1_000;
/** Peers and ports of which it is remembered when they were last traced. */
const TRACED_LIMIT = 1_024;

/** A tunnel, whose node does not change. */
interface Introduced {
  readonly fqdn: string;
}

export interface InboundOptions {
  readonly rules: InboundRules;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly part: string;
  isOwn(address: string): boolean;
  isZone(name: string): boolean;
  /** The tunnel that carries packets from the address at `offset` of `bytes`. */
  tunnelAt(bytes: Uint8Array, offset: number, length: number): Introduced | undefined;
}

export class Inbound implements InboundPolicy {
  readonly refusals: Record<Protocol, number> = { tcp: 0, udp: 0 };
  /** The ports of this node that a tunnel's node may reach, as far as it has asked: `portKey`. */
  private readonly admitted = new WeakMap<Introduced, Set<number>>();
  private readonly tracedMs = new Map<string, number>();

  constructor(private readonly options: InboundOptions) {}

  admits(protocol: Protocol, bytes: Uint8Array, offset: number, length: number, port: number): boolean {
    const { rules, isOwn, isZone, tunnelAt } = this.options;
    const tunnel = tunnelAt(bytes, offset, length);
    if (!tunnel) return isOwn(formatIp(bytes.subarray(offset, offset + length))); // a node may dial its own name
    const known = this.admitted.get(tunnel);
    if (known?.has(portKey(protocol, port))) return true;
    if (!rules.admits(tunnel.fqdn, protocol, port, isZone)) return false;
    if (known) known.add(portKey(protocol, port));
    else this.admitted.set(tunnel, new Set([portKey(protocol, port)]));
    return true;
  }

  refused(protocol: Protocol, bytes: Uint8Array, offset: number, length: number, port: number): void {
    const { clock, trace, part, tunnelAt } = this.options;
    this.refusals[protocol]++;
    const peer = tunnelAt(bytes, offset, length)?.fqdn ?? formatIp(bytes.subarray(offset, offset + length));
    const key = `${portKey(protocol, port)} ${peer}`;
    const nowMs = clock.now();
    if (nowMs - (this.tracedMs.get(key) ?? -Infinity) < TRACE_INTERVAL_MS) return;
    if (this.tracedMs.size >= TRACED_LIMIT) this.tracedMs.clear();
    this.tracedMs.set(key, nowMs);
    trace({ part, event: 'refused', peer, protocol, port });
  }
}

function portKey(protocol: Protocol, port: number): number {
  return protocol === 'tcp' ? port : port + 65_536;
}
