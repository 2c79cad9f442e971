/** A listening port of lwIP. */
import type { Endpoint } from '../../wire/addresses';
import type { Core } from './core';
import { parseIp } from '../../wire/ip-text';
import { isErr, openError, stackError } from './tcp';
import type { TcpConnection, TcpListener, TcpListenOptions } from './stack-contract';

/** lwIP counts a backlog in 8 bits. It limits handshakes under way, for a complete one is handed on at once. */
const MAX_BACKLOG = 255;

/** 46 is lwIP's number for both families. */
export type ListenFamily = 4 | 6 | 46;

export class Listener implements TcpListener {
  /** lwIP's address of it; 0 when closed. */
  pcb = 0;
  /** lwIP moves a listener along when the address that it is bound to is renumbered. */
  address: string;
  port: number;

  constructor(
    private readonly core: Core,
    readonly id: number,
    readonly family: ListenFamily,
    private readonly options: TcpListenOptions,
    readonly onConnection: (connection: TcpConnection) => void,
  ) {
    this.address = options.address;
    this.port = options.port;
  }

  get local(): Endpoint {
    return { address: this.address, port: this.port };
  }

  /** Throws StackError. Also after the stack was started anew, on the port that it had. */
  open(): void {
    const { wasm, memory } = this.core;
    memory.bytes.set(parseIp(this.address) ?? [], memory.scratch);
    const backlog = Math.min(MAX_BACKLOG, Math.max(1, this.options.backlog));
    const result = wasm.tcp_listen_on(this.id, this.family, this.port, backlog);
    if (isErr(result)) throw openError(result);
    this.pcb = result;
    this.port = wasm.tcp_listener_port(result);
  }

  close(): void {
    if (this.pcb === 0) return;
    const pcb = this.pcb;
    this.core.forget(this);
    this.core.enter();
    this.core.wasm.tcp_listener_close(pcb);
    this.core.leave();
  }

  /** Whether both would be given the same connections, which libuv's SO_REUSEADDR does not permit either. */
  overlaps(family: ListenFamily, address: string, port: number): boolean {
    if (this.port !== port) return false;
    const sameFamily = this.family === family || this.family === 46 || family === 46;
    return sameFamily && (isWildcard(this.address) || isWildcard(address) || this.address === address);
  }
}

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Throws StackError. */
export function listenFamily({ address, ipv6Only = false }: TcpListenOptions): ListenFamily {
  if (address === '::') return ipv6Only ? 6 : 46;
  const bytes = parseIp(address);
  if (!bytes) throw stackError('EINVAL', `not an IP address: ${address}`);
  return bytes.length === 4 ? 4 : 6;
}
