/** A connection of a worker thread: the stack's is beside the node (hosted-connection.ts). */
import type { TcpConnection, TcpEvents } from '../packet/stack/stack-contract';
import type { Endpoint } from '../wire/addresses';
import { errorOf, type TcpEvent, type TcpRequest } from './messages';

/** Bytes that may be on their way to the stack's send buffer, or wait for room in it. */
const SEND_BUFFER = 1_048_576;

export class RemoteConnection implements TcpConnection {
  private events: TcpEvents | undefined;
  /** In all. */
  private written = 0;
  private taken = 0;
  private acknowledged = 0;

  constructor(
    private readonly post: (request: TcpRequest) => void,
    private readonly onOver: () => void,
    /** Of a connection that is being made: known once it is connected. */
    public local: Endpoint,
    readonly remote: Endpoint,
  ) {}

  get writableLength(): number {
    return SEND_BUFFER - (this.written - this.taken);
  }

  get unacknowledgedLength(): number {
    return this.written - this.acknowledged;
  }

  write(bytes: Uint8Array): number {
    const length = Math.min(bytes.length, this.writableLength);
    if (length === 0) return 0;
    this.written += length;
    this.post({ write: new Uint8Array(bytes.subarray(0, length)) });
    return length;
  }

  shutdown(): void {
    this.post({ shutdown: true });
  }

  consumed(length: number): void {
    this.post({ consumed: length });
  }

  abort(): void {
    this.post({ abort: true });
    this.onOver();
  }

  setNoDelay(enabled: boolean): void {
    this.post({ noDelay: enabled });
  }

  setKeepAlive(enabled: boolean, initialDelayMs: number): void {
    this.post({ keepAlive: enabled, initialDelayMs });
  }

  setEvents(events: TcpEvents): void {
    this.events = events;
  }

  take(event: TcpEvent): void {
    const { events } = this;
    if ('connected' in event) {
      this.local = event.connected.local;
      events?.connected();
    } else if ('received' in event) events?.received(event.received);
    else if ('ended' in event) events?.ended();
    else if ('taken' in event) {
      ({ taken: this.taken, acknowledged: this.acknowledged } = event);
      events?.drained();
    } else {
      this.onOver();
      if ('closed' in event) events?.closed();
      else events?.failed(event.failed, event.cause && errorOf(event.cause));
    }
  }
}
