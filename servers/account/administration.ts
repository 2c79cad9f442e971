/**
 * What an operator does with accounts, on the store: `ntmobile account` and whoever else administrates. Servers that
 * run on the store notice by themselves (revocations.ts).
 */
import type { Clock, Random } from '../../core/runtime';
import { canonicalName } from '../../core/wire/names';
import type { RevocationReason } from '../../core/wire/refusals';
import { isLabel, nodeFqdn } from '../names';
import { NetworkSettings } from '../network-settings';
import type { Account, JoinKey, KnownNode, Revoked } from '../store/account-store';
import type { Store } from '../store/store';
import { newJoinKey } from './join-key';

/** What was asked for cannot be done; the message says why, and what can. */
export class AdministrationError extends Error {}

export interface ListedAccount extends Account {
  readonly fqdn: string;
  readonly nodes: readonly KnownNode[];
}

export interface JoinKeyOptions {
  readonly once: boolean;
  /** For how long new nodes may join by it; null: for ever. */
  readonly lifetimeMs: number | null;
  readonly node: string | null;
  readonly nodePrefix: string | null;
}

export class Administration {
  private readonly settings: NetworkSettings;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.settings = new NetworkSettings(store.settings, random);
  }

  async add(name: string, passwordHash: string, zone?: string): Promise<string> {
    if (zone !== undefined) await this.assertServed(zone);
    const added = await this.store.accounts.add(name, passwordHash, this.clock.wallTimeMs(), zone);
    if (!added) throw new AdministrationError(`account ${name} exists already`);
    return this.fqdnOf(name);
  }

  /** In order of their names. */
  async list(): Promise<ListedAccount[]> {
    const zone = await this.settings.zone();
    const nodes = await this.store.nodes.list();
    return (await this.store.accounts.list()).map((account) => ({
      ...account,
      fqdn: `${account.name}.${account.zone ?? zone}`,
      nodes: nodes.filter((node) => node.account === account.name),
    }));
  }

  /** Ends the sessions of the account's nodes, unless they are kept. */
  async setPassword(name: string, passwordHash: string, keepSessions: boolean): Promise<void> {
    const revoked = keepSessions ? undefined : await this.revoked(name, 'password');
    if (!(await this.store.accounts.change(name, { passwordHash }, revoked))) throw unknownAccount(name);
  }

  async disable(name: string): Promise<void> {
    const revoked = await this.revoked(name, 'disabled');
    if (!(await this.store.accounts.change(name, { disabled: true }, revoked))) throw unknownAccount(name);
  }

  async enable(name: string): Promise<void> {
    if (!(await this.store.accounts.change(name, { disabled: false }, undefined))) throw unknownAccount(name);
  }

  /** With its join keys. Its names keep their virtual addresses, for whoever has the account again. */
  async remove(name: string): Promise<void> {
    const revoked = await this.revoked(name, 'removed');
    if (!(await this.store.accounts.remove(name, revoked))) throw unknownAccount(name);
  }

  /** `name`: an FQDN. The node may log in again, as long as its password or join key is good. */
  async removeNode(name: string): Promise<void> {
    const fqdn = canonicalName(name);
    if (await this.store.nodes.remove(fqdn, { fqdn, below: false, reason: 'node-removed' })) return;
    throw new AdministrationError(`no node ${fqdn} has logged in; "ntmobile account list" shows those that have`);
  }

  /** The key, which can be shown only now, and what is kept of it. */
  async addKey(name: string, { lifetimeMs, ...options }: JoinKeyOptions): Promise<{ key: string; kept: JoinKey }> {
    const fqdn = await this.fqdnOf(name);
    for (const label of [options.node, options.nodePrefix]) {
      if (label !== null && !isLabel(label.replace(/-$/, '')))
        throw new AdministrationError(`"${label}" is no node name`);
    }
    if (options.node !== null && nodeFqdn(name, options.node, fqdn.slice(name.length + 1)) === undefined) {
      throw new AdministrationError(`"${options.node}" is no node name`);
    }
    const { key, id, secretHash } = newJoinKey(this.random);
    const createdMs = this.clock.wallTimeMs();
    const expiresMs = lifetimeMs === null ? null : createdMs + lifetimeMs;
    const kept = { id, expiresMs, account: name, secretHash, createdMs, boundTo: null, usedMs: null, ...options };
    await this.store.joinKeys.add(kept);
    return { key, kept };
  }

  listKeys(account?: string): Promise<JoinKey[]> {
    return this.store.joinKeys.list(account);
  }

  /** Ends the sessions of the nodes that joined by it; says how many nodes those are. `id`: or the whole key. */
  async removeKey(id: string): Promise<number> {
    const short = id.replace(/^ntmk-([0-9a-f]{16})\b.*$/, '$1');
    const nodes = await this.store.joinKeys.remove(short);
    if (nodes === undefined)
      throw new AdministrationError('there is no such join key; "ntmobile account key list" shows them');
    return nodes;
  }

  async fqdnOf(name: string): Promise<string> {
    const account = await this.store.accounts.find(name);
    if (!account) throw unknownAccount(name);
    return `${name}.${account.zone ?? (await this.settings.zone())}`;
  }

  private async revoked(name: string, reason: RevocationReason): Promise<Revoked> {
    return { fqdn: await this.fqdnOf(name), below: true, reason };
  }

  private async assertServed(zone: string): Promise<void> {
    const own = await this.settings.zone();
    const zones = [own, ...(await this.store.coordinators.list()).map((each) => each.zone)];
    if (zones.includes(zone)) return;
    const known = [...new Set(zones)].join(', ');
    throw new AdministrationError(`no coordinator of this network serves ${zone}; there are: ${known}`);
  }
}

function unknownAccount(name: string): AdministrationError {
  return new AdministrationError(`there is no account ${name}; "ntmobile account list" shows them`);
}
