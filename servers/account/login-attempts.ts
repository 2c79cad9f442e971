/**
 * How often a password may be guessed, without locking anybody out. Only failures count, so a script that starts a
 * node every second, and a hundred nodes behind one NAT, are not refused.
 *
 *   account and source  of which a login succeeded before: a bucket of their own, 20 failures at once, then one in
 *                       10 s. What others guess at the account, or from the same address, does not empty it
 *   account             from all other sources together: 20 at once, then one in 10 s, some 8,600 a day at most
 *   source              at all other accounts together: 60 at once, then one a second
 *
 * A source is an IPv4 address, or the /64 of an IPv6 address: a host changes its addresses within that at will
 * (RFC 8981). Where logins succeeded is in the store, and outlives a restart.
 */
import { isIPv6 } from 'node:net';
import type { Clock } from '../../core/runtime';
import { parseIp } from '../../core/wire/ip-text';
import type { NodeStore } from '../store/account-store';
import { RateLimit } from '../rate-limit';

const PER_ACCOUNT = { burst: 20, refillMs: 10_000 };
const PER_SOURCE = { burst: 60, refillMs: 1_000 };

/** One login. */
export interface Attempt {
  /** It succeeded from there before. */
  readonly isKnown: boolean;
  readonly admitted: boolean;
  failed(): void;
}

export class LoginAttempts {
  private readonly pairs: RateLimit;
  private readonly accounts: RateLimit;
  private readonly sources: RateLimit;

  constructor(
    clock: Clock,
    private readonly nodes: Pick<NodeStore, 'hasLoggedInFrom'>,
  ) {
    this.pairs = new RateLimit(clock, PER_ACCOUNT);
    this.accounts = new RateLimit(clock, PER_ACCOUNT);
    this.sources = new RateLimit(clock, PER_SOURCE);
  }

  async begin(account: string, source: string): Promise<Attempt> {
    const { pairs, accounts, sources } = this;
    if (await this.nodes.hasLoggedInFrom(account, source)) {
      const pair = `${account} ${source}`;
      return { isKnown: true, admitted: pairs.has(pair), failed: () => pairs.spend(pair) };
    }
    return {
      isKnown: false,
      admitted: sources.has(source) && accounts.has(account),
      failed() {
        sources.spend(source);
        accounts.spend(account);
      },
    };
  }
}

export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  return Buffer.from(parseIp(address)!.subarray(0, 8)).toString('hex');
}
