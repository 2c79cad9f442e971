/** A TCP connection: the owner's handle on one pcb of lwIP. */
import type { Endpoint } from '../../wire/addresses';
import type { Core } from './core';
import type { TcpConnection, TcpEvents } from './stack-contract';

/** tcp_write takes a u16_t length. */
const MAX_ENQUEUE = 65535;

export class Connection implements TcpConnection {
  /**
   * connecting -> established -> finished     in lwIP; `finished` from when lwIP let go of the pcb
   * any        -> dead                        the owner was told of the end, or aborted
   */
  state: 'connecting' | 'established' | 'finished' | 'dead';
  events: TcpEvents | undefined;
  acknowledgedQueued = false;
  /** The peer has answered the SYN, though the owner may not have been told: an RST from now on is no refusal. */
  isAnswered: boolean;
  private shutdownWanted = false;

  constructor(
    private readonly core: Core,
    readonly id: number,
    /** lwIP's address of it; 0 once freed or in TIME-WAIT. */
    public pcb: number,
    readonly local: Endpoint,
    readonly remote: Endpoint,
    readonly opened: 'actively' | 'passively',
  ) {
    this.state = opened === 'actively' ? 'connecting' : 'established';
    this.isAnswered = opened === 'passively';
  }

  /** 0 before `connected`: segments cut before the peer told its MSS would be 536 bytes. */
  get writableLength(): number {
    if (this.pcb === 0 || this.state !== 'established' || this.shutdownWanted) return 0;
    return this.core.wasm.tcp_writable(this.pcb) >>> 0;
  }

  get unacknowledgedLength(): number {
    return this.pcb === 0 ? 0 : this.core.wasm.tcp_unacknowledged(this.pcb) >>> 0;
  }

  write(bytes: Uint8Array): number {
    const length = Math.min(bytes.length, this.writableLength);
    if (length === 0) return 0;
    const { wasm, memory } = this.core;
    this.core.enter();
    let written = 0;
    while (written < length) {
      const step = Math.min(length - written, MAX_ENQUEUE);
      memory.bytes.set(bytes.subarray(written, written + step), memory.scratch);
      if (wasm.tcp_enqueue(this.pcb, step, written + step < length ? 1 : 0) !== 0) break;
      written += step;
    }
    wasm.tcp_flush(this.pcb);
    this.core.leave();
    return written;
  }

  shutdown(): void {
    if (this.shutdownWanted) return;
    this.shutdownWanted = true;
    if (this.state === 'established') this.finish();
  }

  /** lwIP told of the end of the handshake. */
  establish(): void {
    if (this.state === 'connecting') this.state = 'established';
    this.events?.connected();
    if (this.shutdownWanted) this.finish();
  }

  consumed(length: number): void {
    if (this.pcb === 0 || length <= 0) return;
    this.core.enter();
    this.core.wasm.tcp_consumed(this.pcb, length);
    this.core.leave();
  }

  abort(): void {
    this.state = 'dead';
    if (this.pcb === 0) return;
    const pcb = this.pcb;
    this.core.forget(this);
    this.core.enter();
    this.core.wasm.tcp_discard(pcb);
    this.core.leave();
  }

  setNoDelay(enabled: boolean): void {
    if (this.pcb === 0) return;
    this.core.enter();
    this.core.wasm.tcp_no_delay(this.pcb, enabled ? 1 : 0);
    this.core.leave();
  }

  setKeepAlive(enabled: boolean, initialDelayMs: number): void {
    if (this.pcb === 0) return;
    this.core.enter();
    this.core.wasm.tcp_keep_alive(this.pcb, enabled ? 1 : 0, Math.max(0, Math.floor(initialDelayMs)));
    this.core.leave();
  }

  setEvents(events: TcpEvents): void {
    this.events = events;
  }

  private finish(): void {
    if (this.pcb === 0) return;
    this.core.enter();
    this.core.wasm.tcp_finish(this.pcb);
    this.core.leave();
  }
}
