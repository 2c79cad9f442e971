/**
 * Who gets in to this node, by its own rules (NTMOBILE_ALLOW) and by the policy of the network, which the DC tells with
 * each correspondent node: both must let it. Decided on authenticated identity: a packet's source address is one of its
 * tunnel's, which the packet module has checked, and the DC introduced that tunnel's node by its name.
 */
import type { InboundRules } from './inbound-rules';
import type { InboundPolicy } from './packet/stack/stack-contract';
import type { Clock } from './runtime';
import type { Trace } from './trace';
import { formatIp } from './wire/ip-text';
import { parsePermit, permitsPort, type Permit, type Protocol } from './wire/permits';

/** A refusal is traced at most so often for each peer and port; all are counted. */
const TRACE_INTERVAL_MS = 1_000;
/** Peers and ports of which it is remembered when they were last traced. */
const TRACED_LIMIT = 1_024;

interface Permits {
  readonly text: string;
  readonly list: readonly Permit[];
}

/** A tunnel, whose node does not change. */
interface Introduced {
  readonly fqdn: string;
}

export interface InboundOptions {
  /** Undefined: this node lets everybody in. */
  readonly rules: InboundRules | undefined;
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
  private readonly admitted = new WeakMap<Introduced, { permits: Permits | undefined; ports: Set<number> }>();
  /** By FQDN, of those of whom the DC said it. Without an entry a node may reach everything. */
  private readonly permitted = new Map<string, Permits>();
  private readonly tracedMs = new Map<string, number>();

  constructor(private readonly options: InboundOptions) {}

  /** Nobody is refused: nothing has to be asked. */
  get isOpen(): boolean {
    return this.options.rules === undefined && this.permitted.size === 0;
  }

  /** Takes the place of what was said before; undefined: everything. False when it is the same. */
  permit(fqdn: string, permits: readonly string[] | undefined): boolean {
    const text = permits?.join();
    if (this.permitted.get(fqdn)?.text === text) return false;
    if (!permits || text === undefined) return this.permitted.delete(fqdn);
    this.permitted.set(fqdn, { text, list: permits.flatMap((each) => parsePermit(each) ?? []) });
    return true;
  }

  /** Whether the policy lets a node reach a port here. */
  permits(fqdn: string, protocol: Protocol, port: number): boolean {
    const permits = this.permitted.get(fqdn);
    return !permits || permitsPort(permits.list, protocol, port);
  }

  admits(protocol: Protocol, bytes: Uint8Array, offset: number, length: number, port: number): boolean {
    const { rules, isOwn, isZone, tunnelAt } = this.options;
    const tunnel = tunnelAt(bytes, offset, length);
    if (!tunnel) return isOwn(formatIp(bytes.subarray(offset, offset + length))); // a node may dial its own name
    const permits = this.permitted.get(tunnel.fqdn);
    const known = this.admitted.get(tunnel);
    const isCurrent = known?.permits === permits;
    if (isCurrent && known?.ports.has(portKey(protocol, port))) return true;
    if (rules && !rules.admits(tunnel.fqdn, protocol, port, isZone)) return false;
    if (permits && !permitsPort(permits.list, protocol, port)) return false;
    if (isCurrent && known) known.ports.add(portKey(protocol, port));
    else this.admitted.set(tunnel, { permits, ports: new Set([portKey(protocol, port)]) });
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
