/**
 * Since when something should have been heard by the path that packets take, and how long that is borne:
 *
 *   asked     is the path there? Later, where it was there the last time: somebody sends who is not answered
 *   doubted   it has not said so: packets go by another one, too, if there is one to go to at once
 *   left      standby.ts says when; without one that stands by, limitMs
 *
 * After a silence a NAT in between may have forgotten what the path needs, or have been started again, and nobody can
 * know before something is sent. So the first packets go by the relay as well, until the path is heard; and it is given
 * up sooner than one that falls silent while packets flow.
 */
import type { Path } from '../path';
import { Copies } from './copies';

/** Nothing heard by a path for so long, though packets and probes were sent: it is dead. */
export const DEAD_MS = 2_000;
/** The peer has left the path already, it seems, as it is heard by another; or there was a silence before. */
const SUSPECT_MS = 1_000;
/** That no path works is told so often. */
export const STUCK_MS = 10_000;
/** A path that is not used is held ready for so long after the last packet. */
export const ACTIVE_MS = 60_000;
/** Of a path of which no round trip is known. */
export const UNMEASURED_MS = 500;

/**
 * How a silence is looked at: closely, where there is somewhere else to go at once; or once in time, and calmly from then
 * on; or only calmly.
 */
export type Attention = 'close' | 'once' | 'calm';

const TICK_MS = { calm: 500, suspicious: 200, attentive: 25 };
const LEAST_TICK_MS = 5;
/** A kernel keeps an ACK back for 40 ms. Or two round trips. Again when it was there the last time, and had nothing to say. */
const ASK_MS = { first: 60, again: 120, most: 500 };
/** For a probe to be answered; or one and a half round trips. Both ends in time before the path would be left unasked. */
const ANSWER_MS = { least: 30, most: 700 };
/** Cheap NATs keep a mapping for 30 s, the worst for some seconds. */
const SILENCE_MS = 5_000;
/** Of the first packets after a silence; and of those while the path is doubted. */
const COPIES = { waking: { packets: 8 }, doubted: { packets: 64, forMs: 400 } } as const;

export class Patience {
  /** Whether there is a reason to think that the path is dead. */
  isShort = false;
  /** Since the first packet after a silence, while nothing has been heard. */
  wakingSinceMs: number | undefined;
  private readonly copies = new Copies();
  private sinceMs: number | undefined;
  private askedMs: number | undefined;
  /** Nothing was heard the last time before it was asked. */
  private wasVain = false;

  get isWaiting(): boolean {
    return this.sinceMs !== undefined;
  }

  /** From now on something should be heard. `askedMs`: when the path was asked, if it was. */
  begin(nowMs: number, askedMs?: number): void {
    this.sinceMs = nowMs;
    this.askedMs = askedMs;
  }

  /** `heardMs`: when something last came by the path; -Infinity: a new one, which is none of these. */
  static isAfterSilence(nowMs: number, heardMs: number): boolean {
    return heardMs > -Infinity && nowMs - heardMs >= SILENCE_MS;
  }

  /** After a silence. `relay`: one that both nodes hold ready; undefined: there is none, and nobody to go to. */
  wake(nowMs: number, relay: Path | undefined): void {
    this.wakingSinceMs = nowMs;
    this.copies.begin(relay, nowMs, COPIES.waking);
    this.isShort = true;
  }

  /** Packets take this path, too, for a while. */
  doubt(nowMs: number, other: Path): void {
    this.copies.begin(other, nowMs, COPIES.doubted);
  }

  /** They go on doing so; `better`: by this one in its stead. */
  doubtOn(nowMs: number, better: Path | undefined): void {
    this.copies.goOn(better, nowMs, COPIES.doubted);
  }

  /** For how long they have; undefined: they do not. */
  copiedForMs(nowMs: number): number | undefined {
    return this.copies.ageMs(nowMs);
  }

  /** Another path that a packet takes as well. */
  copy(nowMs: number): Path | undefined {
    return this.copies.next(nowMs);
  }

  end(): void {
    this.sinceMs = this.wakingSinceMs = this.askedMs = undefined;
    this.isShort = false;
    this.copies.end();
  }

  /** When something last came by the path. */
  heard(atMs: number): void {
    if (this.sinceMs === undefined || atMs <= this.sinceMs) return;
    this.wasVain = this.askedMs !== undefined;
    this.end();
  }

  /** Whether the path is to be asked now if it is there. */
  asks(nowMs: number, rttMs: number | undefined): boolean {
    const isDue = this.silentMs(nowMs) >= this.askMs(rttMs);
    if (isDue) this.askedMs ??= nowMs;
    return isDue;
  }

  /** Whether it was asked, and has had its time. */
  isUnanswered(nowMs: number, rttMs: number | undefined): boolean {
    return this.askedMs !== undefined && nowMs - this.askedMs >= answerMs(rttMs);
  }

  /** When to look again. */
  tickMs(attention: Attention, nowMs: number, rttMs: number | undefined): number {
    const calmMs = this.isShort ? TICK_MS.suspicious : TICK_MS.calm;
    if (attention === 'calm') return calmMs;
    const { askedMs } = this;
    const inMs = askedMs === undefined ? this.askMs(rttMs) - this.silentMs(nowMs) : askedMs + answerMs(rttMs) - nowMs;
    if (inMs > 0) return Math.max(LEAST_TICK_MS, inMs);
    return attention === 'close' ? TICK_MS.attentive : calmMs;
  }

  silentMs(nowMs: number): number {
    return this.sinceMs === undefined ? 0 : nowMs - this.sinceMs;
  }

  /** After so long a silence it has been asked, and has had its time. */
  doubtAfterMs(rttMs: number | undefined): number {
    return this.askMs(rttMs) + answerMs(rttMs);
  }

  limitMs(rttMs = 0): number {
    return this.isShort ? Math.min(DEAD_MS, Math.max(SUSPECT_MS, 3 * rttMs)) : DEAD_MS;
  }

  private askMs(rttMs = UNMEASURED_MS): number {
    return Math.min(ASK_MS.most, Math.max(this.wasVain ? ASK_MS.again : ASK_MS.first, 2 * rttMs));
  }
}

function answerMs(rttMs = UNMEASURED_MS): number {
  return Math.min(ANSWER_MS.most, Math.max(ANSWER_MS.least, 1.5 * rttMs));
}
