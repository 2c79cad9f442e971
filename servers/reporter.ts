/** NS, RS and CS tell their DC that they are there, at the start and again every REPORT_MS (Server Report). */
import type { Timer, Timers } from '../core/runtime';
import type { Endpoint } from '../core/wire/addresses';
import { hex } from '../core/wire/keys';
import type { Body } from '../core/wire/messages';
import type { Peer } from '../core/wire/peers';
import type { Signalling } from '../core/wire/signalling';

const REPORT_MS = 10_000;
/** While the DC does not answer, which may be about to start. */
const UNANSWERED_MS = 2_000;
/** At the start, which waits for it. */
const FIRST_TRIES = 2;

export class Reporter {
  private timer: Timer | undefined;
  private stopped = false;
  private answered = false;
  private instance: string | undefined;

  constructor(
    private readonly timers: Timers,
    private readonly signalling: Signalling<Endpoint>,
    private readonly coordinator: { readonly peer: Peer; readonly endpoint: Endpoint },
    private readonly report: () => Body<'serverReport'>,
    /** The DC is not the one that answered before: it has restarted. */
    private readonly onRestart: () => void = () => {},
  ) {}

  /** The DC has answered the last report. */
  get isAnswered(): boolean {
    return this.answered;
  }

  /** True when the DC answered. Goes on reporting either way. */
  async start(): Promise<boolean> {
    const answered = await this.send(FIRST_TRIES);
    this.scheduleNext();
    return answered;
  }

  /** What is reported has changed. */
  now(): Promise<boolean> {
    return this.send();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private async send(tries?: number): Promise<boolean> {
    const { peer, endpoint } = this.coordinator;
    try {
      const message = { name: 'serverReport', body: this.report() } as const;
      const answer = await this.signalling.request(peer, endpoint, message, { tries });
      this.answered = true;
      if (answer.name === 'serverReportAck') this.answeredBy(answer.body.instance);
    } catch {
      this.answered = false; // a DC that is away hears the next one
    }
    return this.answered;
  }

  private answeredBy(instance: Uint8Array | undefined): void {
    if (!instance) return;
    const before = this.instance;
    this.instance = hex(instance);
    if (before !== undefined && before !== this.instance) this.onRestart();
  }

  private scheduleNext(): void {
    if (this.stopped) return;
    const pauseMs = this.answered ? REPORT_MS : UNANSWERED_MS;
    this.timer = this.timers.schedule(pauseMs, () => void this.send().then(() => this.scheduleNext()));
  }
}
