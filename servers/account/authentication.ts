/**
 * Who logs in: an account by its password, or a machine by a join key. Refusals do not tell unknown accounts, wrong
 * passwords, disabled accounts and unknown keys apart; who holds the secret of a key is told what is wrong with it.
 */
import type { Clock } from '../../core/runtime';
import { parseJoinKey } from '../../core/wire/join-key';
import type { Body } from '../../core/wire/messages';
import { canonicalName } from '../../core/wire/names';
import { Refused } from '../../core/wire/outcomes';
import { nodeFqdn } from '../names';
import type { Account, JoinKey } from '../store/account-store';
import type { Store } from '../store/store';
import { isSecretOf } from './join-key';
import { LoginAttempts, sourceOf } from './login-attempts';
import { PasswordQueue } from './password-queue';

export interface AuthenticationOptions {
  /** Of accounts that were given no zone of their own. */
  readonly zone: string;
  readonly store: Pick<Store, 'accounts' | 'joinKeys' | 'nodes'>;
  readonly clock: Clock;
  /** See account/password.ts. */
  verifyPassword(password: string, passwordHash: string): Promise<boolean>;
  /** Verified for accounts that do not exist, so that these cost the same time. */
  readonly decoyPasswordHash: string;
  count(refusal: RefusalReason): void;
}

export type RefusalReason =
  | 'unknown account'
  | 'wrong password'
  | 'disabled'
  | 'too many failures'
  | 'too many at once'
  | 'unknown join key'
  | 'join key expired'
  | 'join key used by another node'
  | 'join key not for this node name';

export interface Authenticated {
  readonly account: string;
  readonly fqdn: string;
  readonly zone: string;
  /** As of account/login-attempts.ts. */
  readonly source: string;
  /** What was proved; null: the password. */
  readonly joinKey: string | null;
  readonly passwordHash: string;
}

export class Authentication {
  private readonly attempts: LoginAttempts;
  private readonly queue = new PasswordQueue();

  constructor(private readonly options: AuthenticationOptions) {
    this.attempts = new LoginAttempts(options.clock, options.store.nodes);
  }

  /** Throws Refused. */
  async byPassword(
    { account: given, node, password }: Body<'configurationRequest'>,
    address: string,
  ): Promise<Authenticated> {
    const { store, verifyPassword, decoyPasswordHash } = this.options;
    const name = canonicalName(given);
    const source = sourceOf(address);
    const attempt = await this.attempts.begin(name, source);
    if (!attempt.admitted) throw this.refused('login-limited', 'too many failures');
    const account = await store.accounts.find(name);
    const hash = account?.passwordHash ?? decoyPasswordHash;
    const right = await this.queue.run(source, attempt.isKnown, () => verifyPassword(password, hash));
    if (right === undefined) throw this.refused('login-limited', 'too many at once');
    if (!account || !right) {
      attempt.failed();
      throw this.refused('login-refused', account ? 'wrong password' : 'unknown account');
    }
    if (account.disabled) throw this.refused('login-refused', 'disabled');
    return this.authenticated(account, node, source, null);
  }

  /** Throws Refused. */
  async byJoinKey({ key: given, node }: Body<'joinRequest'>, address: string): Promise<Authenticated> {
    const { store } = this.options;
    const parsed = parseJoinKey(given);
    const key = parsed && (await store.joinKeys.find(parsed.id));
    if (!key || !isSecretOf(key.secretHash, parsed.secret)) throw this.refused('login-refused', 'unknown join key');
    const account = await store.accounts.find(key.account);
    if (!account || account.disabled) throw this.refused('login-refused', 'disabled');
    const label = node === null ? key.node : canonicalName(node);
    if (!isFor(key, label)) throw this.refused('key-name', 'join key not for this node name');
    return this.authenticated(account, label, sourceOf(address), key.id);
  }

  /**
   * The node's public key is known now: a key that is good once is this node's, or another's, and one whose time is
   * over is good for nodes that have joined by it, which come again whenever they restart. Throws Refused.
   */
  async bind({ joinKey, fqdn }: Authenticated, publicKey: Uint8Array): Promise<void> {
    if (joinKey === null) return;
    const { store, clock } = this.options;
    const key = await store.joinKeys.find(joinKey);
    if (key && this.isExpired(key) && !(await this.hasJoinedBy(key, fqdn, publicKey))) {
      throw this.refused('key-expired', 'join key expired');
    }
    switch (await store.joinKeys.use(joinKey, publicKey, clock.wallTimeMs())) {
      case 'taken':
        throw this.refused('key-used', 'join key used by another node');
      case 'gone':
        throw this.refused('login-refused', 'unknown join key');
      default:
    }
  }

  /** Whether what was proved is still so: not while the account changes. */
  async stillHolds({ account: name, joinKey, passwordHash }: Authenticated): Promise<boolean> {
    const { accounts, joinKeys } = this.options.store;
    const account = await accounts.find(name);
    if (!account || account.disabled) return false;
    return joinKey === null ? account.passwordHash === passwordHash : (await joinKeys.find(joinKey)) !== undefined;
  }

  private authenticated(account: Account, node: string | null, source: string, joinKey: string | null): Authenticated {
    const { name, passwordHash } = account;
    const zone = account.zone ?? this.options.zone;
    const fqdn = nodeFqdn(name, node === null ? null : canonicalName(node), zone);
    if (fqdn === undefined) throw new Refused('malformed');
    return { account: name, fqdn, zone, source, joinKey, passwordHash };
  }

  private isExpired({ expiresMs }: JoinKey): boolean {
    return expiresMs !== null && this.options.clock.wallTimeMs() >= expiresMs;
  }

  private async hasJoinedBy({ id, boundTo }: JoinKey, fqdn: string, publicKey: Uint8Array): Promise<boolean> {
    if (boundTo) return Buffer.compare(boundTo, publicKey) === 0;
    const node = await this.options.store.nodes.find(fqdn);
    return node?.joinKey === id && Buffer.compare(node.publicKey, publicKey) === 0;
  }

  private refused(
    code: 'login-refused' | 'login-limited' | 'key-expired' | 'key-used' | 'key-name',
    why: RefusalReason,
  ) {
    this.options.count(why);
    return new Refused(code);
  }
}

function isFor({ node, nodePrefix }: JoinKey, label: string | null): boolean {
  if (node !== null) return label === node;
  return nodePrefix === null || (label?.startsWith(nodePrefix) ?? false);
}
