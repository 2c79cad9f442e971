/**
 * When a node that is not joined tries again. Pure: told what happened, asked what may be done now.
 *
 *   the timer       1, 2, 4, 8, 15 s after a failure, each shortened at random by up to half, so that the nodes of a
 *                   network that comes back do not all come at once
 *   a program asks  at once, unless an attempt began less than two seconds ago
 *
 * Both hold for attempts that meet silence, which cost nobody anything. When the AS has answered a login with no, it is
 * left alone for longer, whoever asks, since each login costs it a password hash and counts against the account:
 *
 *   DC away         5, 10, ... 60 s
 *   limited         10 s and more: what a token of its rate limit takes to come back (servers/account/login-attempts.ts)
 *   refused         1 min, 2 min, ... 1 h, or until the password is another one: twenty programs with an old password
 *                   must not use up the attempts of those that have the new one
 *   another key     5 s
 *   replaced        another program has the name: 30 s, 1 min, ... 10 min, and then only if the name is free
 *   revoked         as refused; when the password was changed, once after some seconds, for it may be known here too
 *   session lost    at once, but the next time that it did not last after 1, 2, 4, ... 30 s: another process may have
 *                   the same name
 *
 * A silent DC may have another endpoint since it restarted, which the AS knows; but when a network comes back, nodes
 * that all log in would be a burden. So only every other attempt looks there.
 */
import { backOff, type BackOff } from '../back-off';
import { NtmError } from '../errors';
import type { Clock, Random } from '../runtime';

const RETRY_MS = { first: 1_000, limit: 15_000 };
const ASK_INTERVAL_MS = 2_000;
const ABSENT_DC_MS = { first: 5_000, limit: 60_000 };
const LIMITED_MS = { first: 12_000, limit: 60_000 };
const REFUSED_MS = { first: 60_000, limit: 3_600_000 };
const REPLACED_MS = { first: 30_000, limit: 600_000 };
/** Whoever changes a password changes it in two places. */
const NEW_PASSWORD_MS = { first: 5_000, limit: 5_000 };
const OTHER_MS = { first: 5_000, limit: 60_000 };
const CONFLICT_MS = { first: 1_000, limit: 30_000 };
/** A session that lasted for longer was not taken by another process with the same name. */
const LASTING_MS = 30_000;

export class JoinPolicy {
  private failures = 0;
  private attemptMs = -Infinity;
  private noLoginBeforeMs = -Infinity;
  private refusals = 0;
  private conflicts = 0;
  private loggedInMs = -Infinity;
  private refusedPassword: string | undefined;
  private replacements = 0;
  /** Another program has the name: it is logged in to only when it is free. */
  yields = false;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** A program asks for the network: may an attempt begin now? */
  mayAttempt(canRegister: boolean, password: string): boolean {
    const rested = this.clock.now() - this.attemptMs >= ASK_INTERVAL_MS;
    return this.isNewPassword(password) || (rested && (canRegister || this.mayLogin(password)));
  }

  /** May the AS be asked now? */
  mayLogin(password: string): boolean {
    return this.isNewPassword(password) || this.clock.now() >= this.noLoginBeforeMs;
  }

  /** Refused before, and something else now. */
  isNewPassword(password: string): boolean {
    return this.refusedPassword !== undefined && this.refusedPassword !== password;
  }

  /** The DC is silent: shall this attempt ask the AS for it, if it may? */
  get looksElsewhere(): boolean {
    return this.failures % 2 === 0;
  }

  attemptBegins(): void {
    this.attemptMs = this.clock.now();
  }

  loginSucceeded(): void {
    this.loggedInMs = this.clock.now();
    this.refusals = 0;
    this.refusedPassword = undefined;
    this.yields = false;
  }

  loginFailed(error: unknown, password: string): void {
    this.refusedPassword = undefined;
    if ((error as NtmError).code === 'NTM_REPLACED') return this.replaced();
    const backoff = loginBackoff(error);
    if (!backoff) return; // silence
    if (backoff === REFUSED_MS) this.refusedPassword = password;
    this.noLoginBeforeMs = this.clock.now() + this.shortened(backoff, this.refusals++);
  }

  /** The DC does not know the session any more. */
  sessionLost(): void {
    const now = this.clock.now();
    if (now - this.loggedInMs >= LASTING_MS) this.conflicts = 0;
    else if (this.conflicts++ > 0) this.noLoginBeforeMs = now + this.shortened(CONFLICT_MS, this.conflicts - 2);
  }

  /** Another program has logged in with the name: it is left there. */
  replaced(): void {
    if (this.clock.now() - this.loggedInMs >= LASTING_MS && !this.yields) this.replacements = 0;
    this.yields = true;
    this.noLoginBeforeMs = this.clock.now() + this.shortened(REPLACED_MS, this.replacements++);
  }

  revoked(reason: 'password' | 'other', password: string): void {
    this.refusedPassword = password;
    const backoff = reason === 'password' ? NEW_PASSWORD_MS : REFUSED_MS;
    this.noLoginBeforeMs = this.clock.now() + this.shortened(backoff, 0);
  }

  joined(): void {
    this.failures = 0;
  }

  /** The host has other addresses than when the last attempt failed. */
  hostMoved(): void {
    this.failures = 0;
  }

  /** An attempt failed: how long until the next. */
  retryDelayMs(canRegister: boolean): number {
    const delayMs = this.shortened(RETRY_MS, this.failures++);
    return canRegister ? delayMs : Math.max(delayMs, this.noLoginBeforeMs - this.clock.now());
  }

  private shortened(delays: BackOff, times: number): number {
    const [byte = 0] = this.random.bytes(1);
    return backOff(delays, times) * (1 - byte / 512);
  }
}

/** Undefined for silence: nobody was troubled. */
function loginBackoff(error: unknown): BackOff | undefined {
  switch (error instanceof NtmError ? error.code : undefined) {
    case 'NTM_AS_UNREACHABLE':
      return undefined;
    case 'NTM_DC_UNREACHABLE':
      return ABSENT_DC_MS;
    case 'NTM_LOGIN_REFUSED':
    case 'NTM_JOIN_KEY':
      return REFUSED_MS;
    case 'NTM_LOGIN_LIMITED':
      return LIMITED_MS;
    default:
      return OTHER_MS;
  }
}
