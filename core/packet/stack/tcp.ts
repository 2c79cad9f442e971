/**
 * Declares tcp.c, and holds what it reports until lwIP has returned (see imports.h).
 *
 *   packet or timer -> lwIP -> TcpImports (queue) -> lwIP returns -> deliver() -> TcpEvents of the owner
 */
import type { Connection } from './connection';
import type { Listener } from './listener';
import type { StackError, TcpFailure } from './stack-contract';

export interface TcpExports {
  tcp_settle(): void;
  tcp_endpoints(pcb: number): number;
  tcp_family(pcb: number): number;
  tcp_open(id: number, family: number, remotePort: number, localPort: number): number;
  tcp_listen_on(id: number, family: number, port: number, backlog: number): number;
  tcp_listener_port(listener: number): number;
  tcp_listener_close(listener: number): void;
  tcp_unacknowledged(pcb: number): number;
  tcp_writable(pcb: number): number;
  tcp_enqueue(pcb: number, length: number, more: number): number;
  tcp_flush(pcb: number): void;
  tcp_finish(pcb: number): number;
  tcp_consumed(pcb: number, length: number): void;
  tcp_discard(pcb: number): void;
  tcp_no_delay(pcb: number, enabled: number): void;
  tcp_keep_alive(pcb: number, enabled: number, idleMs: number): void;
  tcp_path_changed(family: number, delivers: number, rttUs: number): void;
  tcp_path_doubted(family: number, mtu: number): void;
  tcp_path_mtu(pcb: number, mtu: number): void;
  tcp_flush_acks(): void;
  tcp_counters(): number;
  tcp_close_all(): void;
}

export interface TcpImports {
  accepted(listener: number, pcb: number): number;
  connected(id: number): void;
  admits(family: number, localPort: number): number;
  received(id: number, chain: number): void;
  acknowledged(id: number): void;
  stalled(id: number): void;
  finished(id: number, error: number): void;
}

/** lwIP's err_t (lwip/err.h), those that come here. */
export const Err = { OK: 0, MEM: -1, BUF: -2, RTE: -4, USE: -8, ABRT: -13, RST: -14 } as const;

export type TcpEvent =
  | { readonly kind: 'accepted'; readonly connection: Connection; readonly listener: Listener }
  | { readonly kind: 'connected' | 'ended' | 'acknowledged' | 'stalled' | 'closed'; readonly connection: Connection }
  | { readonly kind: 'received'; readonly connection: Connection; readonly chain: number }
  | { readonly kind: 'failed'; readonly connection: Connection; readonly reason: TcpFailure; readonly cause?: Error };

/** Whether a pointer that C returned is an err_t instead. Addresses above 2^31 are negative too. */
export function isErr(result: number): boolean {
  return result < 0 && result > -32;
}

export function stackError(code: StackError['code'], message: string): StackError {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

/** Why lwIP could not open or listen. */
export function openError(err: number): StackError {
  switch (err) {
    case Err.MEM:
      return stackError('ENOMEM', 'the virtual stack is out of memory');
    case Err.USE:
      return stackError('EADDRINUSE', 'address already in use');
    case Err.BUF:
      return stackError('EADDRNOTAVAIL', 'no ephemeral port is free');
    case Err.RTE:
      return stackError('EADDRNOTAVAIL', 'this node has no virtual address yet');
    default:
      return stackError('EINVAL', `lwIP error ${err}`);
  }
}
