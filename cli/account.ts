/** `ntmobile account`: the accounts of a network with embedded storage, whether its servers run or not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { nodeClock, nodeRandom } from '../core/runtime-node';
import { hashPassword } from '../servers/account/password';
import { accountNameProblem } from '../servers/names';
import { NetworkSettings } from '../servers/network-settings';
import { openSqliteStore, STORE_FILE } from '../servers/store/sqlite-store';
import type { Store } from '../servers/store/store';
import { Failure, print, UsageError } from './output';
import { checked, readPassword, type PasswordOptions } from './password-input';

interface CommonOptions {
  readonly dir: string;
  readonly json?: boolean;
}

export function accountCommand(): Command {
  const add = common(new Command('add').argument('<name[:password]>'))
    .description('add an account; servers that run know it at once')
    .option('--password <password>', 'the password; visible to others on this host while the command runs')
    .option('--password-file <file>', 'a file whose first line is the password')
    .addHelpText('after', '\nWithout a password it is asked for, or read from standard input.')
    .action(addAccount);
  const list = common(new Command('list')).description('list the accounts').action(listAccounts);
  return new Command('account').description('manage accounts').addCommand(add).addCommand(list);
}

function common(command: Command): Command {
  return command
    .requiredOption('--dir <dir>', 'directory of the network, as given to "ntmobile up"')
    .option('--json', 'print one line of JSON');
}

/** Why an account of this name cannot be; for `up --account` too. */
export function checkAccountName(name: string): string {
  const problem = accountNameProblem(name);
  if (problem !== undefined) throw new UsageError(`"${name}" cannot be an account's name: ${problem}`);
  return name;
}

export async function accountNames(store: Store): Promise<{ name: string; fqdn: string }[]> {
  const zone = await new NetworkSettings(store.settings, nodeRandom).zone();
  return (await store.accounts.list()).map(({ name }) => ({ name, fqdn: `${name}.${zone}` }));
}

async function addAccount(account: string, options: CommonOptions & PasswordOptions): Promise<void> {
  const [name, ...rest] = account.split(':') as [string, ...string[]];
  checkAccountName(name);
  const password = rest.length > 0 ? checked(rest.join(':')) : await readPassword(options);
  const passwordHash = await hashPassword(password, nodeRandom);
  const store = openSqliteStore(options.dir);
  try {
    if (!(await store.accounts.add(name, passwordHash, Math.floor(nodeClock.wallTimeMs())))) {
      throw new Failure(`account ${name} exists already`);
    }
    const added = (await accountNames(store)).find((account) => account.name === name);
    print(options.json ? JSON.stringify(added) : `Added ${name}; its node is ${added?.fqdn}.`);
  } finally {
    store.close();
  }
}

async function listAccounts({ dir, json }: CommonOptions): Promise<void> {
  if (!existsSync(join(dir, STORE_FILE))) throw new Failure(`${dir} holds no network; "ntmobile up" makes one`);
  const store = openSqliteStore(dir);
  try {
    const names = await accountNames(store);
    const accounts = (await store.accounts.list()).map(({ name, createdMs, disabled }, i) => ({
      name,
      fqdn: names[i]?.fqdn,
      created: new Date(createdMs).toISOString(),
      disabled,
    }));
    if (json) return print(JSON.stringify({ accounts }));
    if (accounts.length === 0) return print('No accounts. Add one with "ntmobile account add".');
    for (const { fqdn, created, disabled } of accounts)
      print(`${fqdn}  since ${created}${disabled ? '  disabled' : ''}`);
  } finally {
    store.close();
  }
}
