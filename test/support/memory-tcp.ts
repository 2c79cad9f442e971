/**
 * A TCP-like transport in memory, small but honest: bounded send buffers and windows, half-close, reset, refusal.
 * Nothing is delivered inside a call; a received view is overwritten after the call; nothing here keeps a process
 * alive; several events may come in one turn, as several packets do in one datagram batch.
 */
import { MessageChannel } from 'node:worker_threads';
import type { TcpConnection, TcpEvents, TcpFailure } from '../../core/packet/stack/stack-contract';
import type { Endpoint } from '../../core/wire/addresses';

const SEND_BUFFER = 256 * 1024;
const RECEIVE_WINDOW = 256 * 1024;
const SEGMENT = 16 * 1024;
const POISON = 0xdd;

/** Runs what is sent through it later, in order. A message port wakes the loop without holding it, as a socket would. */
export class MemoryLink {
  readonly #ports = new MessageChannel();
  #inFlight: (() => void)[] = [];
  #scheduled = false;

  constructor() {
    this.#ports.port2.on('message', () => this.#deliver());
    this.#ports.port2.unref();
  }

  send(arrival: () => void): void {
    this.#inFlight.push(arrival);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#ports.port1.postMessage(0);
  }

  #deliver(): void {
    const arrived = this.#inFlight;
    this.#inFlight = [];
    this.#scheduled = false;
    for (const arrival of arrived) arrival();
  }
}

const scratch = Buffer.alloc(SEGMENT);

export class MemoryConnection implements TcpConnection {
  peer: MemoryConnection | undefined;
  unacknowledgedLength = 0;
  readonly options = { noDelay: false, keepAliveMs: 0 };
  #events: TcpEvents | undefined;
  #queue: Buffer[] = [];
  #window = RECEIVE_WINDOW;
  /** Handed out and not given back: at most RECEIVE_WINDOW. */
  unconsumed = 0;
  #fin: 'none' | 'queued' | 'sent' | 'acknowledged' = 'none';
  #peerEnded = false;
  #dead = false;

  constructor(
    private readonly link: MemoryLink,
    readonly local: Endpoint,
    readonly remote: Endpoint,
    private readonly onDead: (connection: MemoryConnection) => void,
  ) {}

  get writableLength(): number {
    return SEND_BUFFER - this.unacknowledgedLength;
  }

  setEvents(events: TcpEvents): void {
    this.#events = events;
  }

  write(bytes: Uint8Array): number {
    if (this.#fin !== 'none') throw new Error('write after shutdown');
    const accepted = Math.min(bytes.length, this.writableLength);
    if (this.#dead || accepted === 0) return 0;
    this.#queue.push(Buffer.from(bytes.subarray(0, accepted)));
    this.unacknowledgedLength += accepted;
    this.#transmit();
    return accepted;
  }

  shutdown(): void {
    if (this.#fin !== 'none') return;
    this.#fin = 'queued';
    this.#transmit();
  }

  consumed(length: number): void {
    this.unconsumed -= length;
    if (this.unconsumed < 0) throw new Error('consumed more than was received');
    this.#window += length;
    const { peer } = this;
    if (peer) this.link.send(() => peer.#transmit());
  }

  abort(): void {
    this.#die();
    const { peer } = this;
    if (peer) this.link.send(() => peer.fail('ECONNRESET'));
  }

  setNoDelay(enabled: boolean): void {
    this.options.noDelay = enabled;
  }

  setKeepAlive(enabled: boolean, initialDelayMs: number): void {
    this.options.keepAliveMs = enabled ? initialDelayMs : 0;
  }

  establish(): void {
    if (!this.#dead) this.#events?.connected();
  }

  fail(reason: TcpFailure): void {
    if (this.#dead) return;
    this.#die();
    this.#events?.failed(reason);
  }

  #transmit(): void {
    const { peer } = this;
    if (!peer || this.#dead) return;
    for (let first = this.#queue[0]; first && peer.#window > 0; first = this.#queue[0]) {
      const segment = first.subarray(0, Math.min(SEGMENT, peer.#window));
      if (segment.length === first.length) this.#queue.shift();
      else this.#queue[0] = first.subarray(segment.length);
      peer.#window -= segment.length;
      this.link.send(() => peer.#receive(segment));
    }
    if (this.#queue.length > 0 || this.#fin !== 'queued') return;
    this.#fin = 'sent';
    this.link.send(() => peer.#receiveFin());
  }

  #receive(segment: Buffer): void {
    if (this.#dead) return;
    const view = scratch.subarray(0, segment.length);
    view.set(segment);
    this.unconsumed += segment.length;
    this.#events?.received(view);
    view.fill(POISON);
    const { peer } = this;
    if (peer) this.link.send(() => peer.#acknowledge(segment.length));
  }

  #acknowledge(length: number): void {
    if (this.#dead) return;
    this.unacknowledgedLength -= length;
    this.#events?.drained();
  }

  #receiveFin(): void {
    if (this.#dead) return;
    this.#peerEnded = true;
    this.#events?.ended();
    const { peer } = this;
    if (peer) this.link.send(() => peer.#acknowledgeFin());
    this.#closeIfDone();
  }

  #acknowledgeFin(): void {
    if (this.#dead) return;
    this.#fin = 'acknowledged';
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#fin !== 'acknowledged' || !this.#peerEnded) return;
    this.#die();
    this.#events?.closed();
  }

  #die(): void {
    this.#dead = true;
    this.#queue = [];
    this.onDead(this);
  }
}
