/**
 * The kept TCP connection to the NS (Figure 4 steps 14 to 16), over which the NS wakes this node up when a
 * correspondent wants a tunnel (Figure 5 step 10). Reconnects with backoff for as long as it is not closed.
 */
import type { Clock, Random, StreamPort, StreamPortOptions, Timer, Timers } from '../runtime';
import type { Trace } from '../trace';
import type { Endpoint } from '../wire/addresses';
import { frame, FrameReader } from '../wire/frames';
import { sharedKey } from '../wire/keys';
import { Signalling } from '../wire/signalling';

const RECONNECT_MS = 500;
const RECONNECT_LIMIT_MS = 60_000;
/** Well inside the idle timeout of NATs for TCP (RFC 5382 REQ-5 asks for two hours; cheap routers have minutes). */
const KEEP_ALIVE_MS = 60_000;

export interface NotificationClientOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly trace: Trace;
  readonly part: string;
  readonly endpoint: Endpoint;
  readonly key: Uint8Array;
  /** The first connection is a step of Figure 7: this host has changed its network. */
  readonly handover?: boolean;
  openStreamPort(to: Endpoint, options: StreamPortOptions): StreamPort;
  onNotification(notificationId: Uint8Array, handover: boolean): void;
  /** The NS is gone or does not know our key. Perhaps it is elsewhere now; perhaps the DC has restarted, too. */
  onLost(): void;
}

export class NotificationClient {
  private stream: StreamPort | undefined;
  private signalling: Signalling<null> | undefined;
  private timer: Timer | undefined;
  private failures = 0;
  private connections = 0;
  private closed = false;

  constructor(private readonly options: NotificationClientOptions) {
    this.connect();
  }

  close(): void {
    this.closed = true;
    this.disconnect();
  }

  private connect(): void {
    const { part, clock, timers, random, trace, key, endpoint } = this.options;
    const frames = new FrameReader();
    const stream = this.options.openStreamPort(endpoint, {
      onConnect: () => void register(),
      onBytes: (bytes) => {
        const datagrams = frames.read(bytes);
        if (!datagrams) return this.reconnect();
        for (const datagram of datagrams) signalling.receive(datagram, null);
      },
      onClose: () => {
        if (this.stream !== stream) return;
        this.reconnect();
        this.options.onLost();
      },
    });
    const transmit = (datagram: Uint8Array): void => stream.write(frame(datagram));
    const signalling = new Signalling<null>({ party: 'node', part, clock, timers, random, trace, transmit });
    const server = signalling.addPeer({ key: sharedKey(key, 0), party: 'ns', name: 'ns' });
    signalling.handle('notification', ({ notificationId }, { handover }) =>
      this.options.onNotification(notificationId, handover),
    );
    let handover = this.options.handover === true && this.connections++ === 0;
    const register = async (): Promise<void> => {
      try {
        await signalling.request(server, null, { name: 'notificationRegistration', body: {}, handover });
      } catch {
        if (this.stream !== stream) return;
        this.reconnect();
        this.options.onLost();
        return;
      }
      this.failures = 0;
      keepAlive();
    };
    const keepAlive = (): void => {
      if (this.stream !== stream) return;
      signalling.oneway(server, null, { name: 'keepAlive', body: {}, handover });
      handover = false;
      this.timer = timers.schedule(KEEP_ALIVE_MS, keepAlive);
    };
    this.stream = stream;
    this.signalling = signalling;
  }

  private reconnect(): void {
    this.disconnect();
    if (this.closed) return;
    const delayMs = Math.min(RECONNECT_MS * 2 ** this.failures++, RECONNECT_LIMIT_MS);
    this.timer = this.options.timers.schedule(delayMs, () => this.connect());
  }

  private disconnect(): void {
    const stream = this.stream;
    this.stream = undefined;
    this.timer?.cancel();
    this.signalling?.close();
    stream?.close();
  }
}
