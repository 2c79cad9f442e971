/**
 * The kept TCP connection to the NS (Figure 4 steps 14 to 16), over which the NS wakes this node up when a
 * correspondent wants a tunnel (Figure 5 step 10). Reconnects with backoff for as long as it is not closed.
 *
 *   connecting -- registration ack --> connected -- ended, refused, or a keep alive without answer --> connecting
 */
import { backOff } from '../back-off';
import type { Clock, Random, StreamPort, StreamPortOptions, Timer, Timers } from '../runtime';
import type { Trace } from '../trace';
import type { Endpoint } from '../wire/addresses';
import { frame, FrameReader } from '../wire/frames';
import { sharedKey } from '../wire/keys';
import type { Body } from '../wire/messages';
import type { Peer } from '../wire/peers';
import { Signalling } from '../wire/signalling';

const RECONNECT_MS = { first: 500, limit: 60_000 };
/**
 * NATs keep an idle TCP connection for more than two hours (RFC 5382 REQ-5); the least that was measured among home
 * routers is 239 s (Hätönen et al., IMC 2010).
 */
const KEEP_ALIVE_MS = 180_000;
/** Where this host has another way to the Internet: so soon it is found that the one in use has fallen silent. */
const KEEP_ALIVE_BESIDE_ANOTHER_MS = 25_000;
/** TCP may need several retransmissions for the keep alive and its answer. Without one, the NS is gone. */
const ANSWER_MS = 20_000;
/** Or sooner, when there is a reason to doubt the connection, or another way. */
const DOUBTFUL_ANSWER_MS = 5_000;

export type PushAddress = NonNullable<Body<'notificationRegistration'>['push']>;

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
  /** As it is now. */
  push(): PushAddress | undefined;
  /** Whether the NS could be reached by another of the host's interfaces, too. */
  hasAnotherWay?(): boolean;
  openStreamPort(to: Endpoint, options: StreamPortOptions): StreamPort;
  onNotification(notificationId: Uint8Array, handover: boolean): void;
  onConnected(): void;
  /** The NS is gone or does not know our key. Perhaps it is elsewhere now; perhaps the DC has restarted, too. */
  onLost(): void;
  /** The NS asks this node to register at the DC anew. */
  onRenewal(withinMs: number): void;
  /** The push address cannot be used. */
  onPushRefused(why: 'dead' | 'unsupported'): void;
}

/** One connection, from its opening on. */
interface Attempt {
  readonly stream: StreamPort;
  readonly signalling: Signalling<null>;
  readonly server: Peer;
  /** What is sent first belongs to Figure 7. */
  handover: boolean;
  isRegistered: boolean;
}

export class NotificationClient {
  private attempt: Attempt | undefined;
  private timer: Timer | undefined;
  private failures = 0;
  private connections = 0;
  private closed = false;

  constructor(private readonly options: NotificationClientOptions) {
    this.connect();
  }

  get isConnected(): boolean {
    return this.attempt?.isRegistered ?? false;
  }

  /** The push address is another one. */
  pushChanged(): void {
    if (this.attempt?.isRegistered) void this.register(this.attempt);
  }

  /** The host has moved or slept: the connection may be dead, without anybody saying so. */
  check(): void {
    const { attempt } = this;
    if (attempt?.isRegistered) return this.keepAlive(attempt, DOUBTFUL_ANSWER_MS);
    this.disconnect();
    this.failures = 0;
    if (!this.closed) this.connect();
  }

  close(): void {
    this.closed = true;
    this.disconnect();
  }

  private connect(): void {
    const { part, clock, timers, random, trace, key, endpoint } = this.options;
    const frames = new FrameReader();
    const stream = this.options.openStreamPort(endpoint, {
      onConnect: () => this.attempt === attempt && void this.register(attempt),
      onBytes: (bytes) => {
        const datagrams = frames.read(bytes);
        if (!datagrams) return this.lost(attempt);
        for (const datagram of datagrams) signalling.receive(datagram, null);
      },
      onClose: () => this.lost(attempt),
    });
    const transmit = (datagram: Uint8Array): void => stream.write(frame(datagram));
    const signalling = new Signalling<null>({ party: 'node', part, clock, timers, random, trace, transmit });
    const server = signalling.addPeer({ key: sharedKey(key, 0), party: 'ns', name: 'ns' });
    const handover = this.options.handover === true && this.connections++ === 0;
    const attempt: Attempt = { stream, signalling, server, handover, isRegistered: false };
    signalling.handle('notification', ({ notificationId }, { handover }) =>
      this.options.onNotification(notificationId, handover),
    );
    signalling.handle('notificationRenewal', ({ withinMs }) => this.options.onRenewal(withinMs));
    signalling.handle('keepAlive', () => this.scheduleKeepAlive(attempt));
    this.attempt = attempt;
  }

  private async register(attempt: Attempt): Promise<void> {
    const push = this.options.push();
    const { handover } = attempt;
    const message = { name: 'notificationRegistration', body: push ? { push } : {}, handover } as const;
    try {
      const answer = await attempt.signalling.request(attempt.server, null, message);
      if (this.attempt !== attempt || answer.name !== 'notificationRegistrationAck') return;
      const outcome = answer.body.push;
      if (outcome === 'dead' || outcome === 'unsupported') this.options.onPushRefused(outcome);
    } catch {
      return this.lost(attempt);
    }
    if (attempt.isRegistered) return;
    attempt.isRegistered = true;
    this.failures = 0;
    this.keepAlive(attempt, ANSWER_MS); // Figure 4 step 16
    this.options.onConnected();
  }

  /** The NS answers with one of its own; when it does not, it is gone. */
  private keepAlive(attempt: Attempt, answerMs: number): void {
    if (this.attempt !== attempt) return;
    attempt.signalling.oneway(attempt.server, null, { name: 'keepAlive', body: {}, handover: attempt.handover });
    attempt.handover = false;
    this.timer?.cancel();
    this.timer = this.options.timers.schedule(answerMs, () => this.lost(attempt));
  }

  private scheduleKeepAlive(attempt: Attempt): void {
    if (this.attempt !== attempt || !attempt.isRegistered) return;
    this.timer?.cancel();
    const hasAnotherWay = this.options.hasAnotherWay?.();
    const delayMs = hasAnotherWay ? KEEP_ALIVE_BESIDE_ANOTHER_MS : KEEP_ALIVE_MS;
    const answerMs = hasAnotherWay ? DOUBTFUL_ANSWER_MS : ANSWER_MS;
    this.timer = this.options.timers.schedule(delayMs, () => this.keepAlive(attempt, answerMs));
  }

  private lost(attempt: Attempt): void {
    if (this.attempt !== attempt) return;
    this.disconnect();
    if (this.closed) return;
    const delayMs = backOff(RECONNECT_MS, this.failures++);
    this.timer = this.options.timers.schedule(delayMs, () => this.connect());
    this.options.onLost();
  }

  private disconnect(): void {
    const { attempt } = this;
    this.attempt = undefined;
    this.timer?.cancel();
    attempt?.signalling.close();
    attempt?.stream.close();
  }
}
