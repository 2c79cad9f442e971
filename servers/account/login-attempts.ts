/**
 * How often a login may be tried. Only failures count in the end: what a success took is given back, so a script that
 * starts a node every second is not refused.
 */
import type { Clock } from '../../core/runtime';
import { RateLimit } from '../rate-limit';

/** Some 8,600 guesses a day against one account, at most. */
const PER_ACCOUNT = { burst: 20, refillMs: 10_000 };
/** Higher: many nodes may sit behind one NAT. */
const PER_SOURCE = { burst: 60, refillMs: 1_000 };

export class LoginAttempts {
  private readonly accounts: RateLimit;
  private readonly sources: RateLimit;

  constructor(clock: Clock) {
    this.accounts = new RateLimit(clock, PER_ACCOUNT);
    this.sources = new RateLimit(clock, PER_SOURCE);
  }

  /** Counts as failed until `succeeded` is called. False: refuse without looking at the password. */
  begin(account: string, sourceAddress: string): boolean {
    if (!this.sources.take(sourceAddress)) return false;
    return this.accounts.take(account);
  }

  succeeded(account: string, sourceAddress: string): void {
    this.accounts.giveBack(account);
    this.sources.giveBack(sourceAddress);
  }
}
