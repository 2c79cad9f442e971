/** `ntmobile account`: the accounts of a network with embedded storage, whether its servers run or not. */
import { Command } from 'commander';
import { nodeRandom } from '../../core/runtime-node';
import { canonicalName } from '../../core/wire/names';
import type { ListedAccount } from '../../servers/account/administration';
import { hashPassword } from '../../servers/account/password';
import { accountNameProblem } from '../../servers/names';
import { print, UsageError } from '../output';
import { checked, readPassword, type PasswordOptions } from '../password-input';
import { administrate, common, timeText, type CommonOptions } from './common';
import { joinKeyCommand } from './join-keys';

const PASSWORD_HELP = '\nWithout a password it is asked for, or read from standard input.';

export function accountCommand(): Command {
  return new Command('account')
    .description('manage accounts; servers that run notice within a second')
    .addCommand(
      withPassword(common(new Command('add').argument('<name[:password]>')))
        .description('add an account')
        .option('--zone <zone>', 'where its names are, when not in the zone of the account server')
        .action(addAccount),
    )
    .addCommand(
      withPassword(common(new Command('passwd').argument('<name>')))
        .description("change an account's password, and end the sessions of its nodes, which have to log in again")
        .option('--keep-sessions', 'let nodes that have logged in with the old password go on')
        .action(changePassword),
    )
    .addCommand(
      change(
        'disable',
        'let no node of the account in, and end the sessions and tunnels of those that are',
        (name, all) => all.disable(name),
      ),
    )
    .addCommand(change('enable', 'let its nodes in again', (name, all) => all.enable(name)))
    .addCommand(
      change('remove', 'remove the account with its join keys; its names keep their addresses', (name, all) =>
        all.remove(name),
      ),
    )
    .addCommand(
      common(new Command('list'))
        .description('list the accounts, and the nodes that have logged in')
        .action(listAccounts),
    )
    .addCommand(
      common(new Command('remove-node').argument('<fqdn>'))
        .description('end the session of one node, and forget that it has logged in')
        .action(removeNode),
    )
    .addCommand(joinKeyCommand());
}

/** Why an account of this name cannot be; for `up --account` too. */
export function checkAccountName(name: string): string {
  const problem = accountNameProblem(name);
  if (problem !== undefined) throw new UsageError(`"${name}" cannot be an account's name: ${problem}`);
  return name;
}

function withPassword(command: Command): Command {
  return command
    .option('--password <password>', 'the password; visible to others on this host while the command runs')
    .option('--password-file <file>', 'a file whose first line is the password')
    .addHelpText('after', PASSWORD_HELP);
}

type Change = (name: string, administration: Parameters<Parameters<typeof administrate>[1]>[0]) => Promise<void>;

/** A command without further options. */
function change(verb: string, description: string, work: Change): Command {
  return common(new Command(verb).argument('<name>'))
    .description(description)
    .action(async (name: string, { dir, json }: CommonOptions) => {
      await administrate(dir, (administration) => work(name, administration));
      print(json ? JSON.stringify({ name, done: verb }) : `Done: ${verb} ${name}.`);
    });
}

async function addAccount(
  account: string,
  { dir, json, zone, ...password }: CommonOptions & PasswordOptions & { zone?: string },
): Promise<void> {
  const [name, ...rest] = account.split(':') as [string, ...string[]];
  checkAccountName(name);
  const passwordHash = await hashPassword(
    rest.length > 0 ? checked(rest.join(':')) : await readPassword(password),
    nodeRandom,
  );
  const fqdn = await administrate(
    dir,
    (administration) => administration.add(name, passwordHash, zone === undefined ? undefined : canonicalName(zone)),
    true,
  );
  print(json ? JSON.stringify({ name, fqdn }) : `Added ${name}; its node is ${fqdn}.`);
}

async function changePassword(
  name: string,
  { dir, json, keepSessions = false, ...password }: CommonOptions & PasswordOptions & { keepSessions?: boolean },
): Promise<void> {
  await administrate(dir, (administration) => administration.fqdnOf(name)); // before a password is asked for
  const passwordHash = await hashPassword(await readPassword(password), nodeRandom);
  await administrate(dir, (administration) => administration.setPassword(name, passwordHash, keepSessions));
  const sessions = keepSessions ? 'kept' : 'ended';
  print(json ? JSON.stringify({ name, sessions }) : `Changed the password of ${name}; its sessions are ${sessions}.`);
}

async function removeNode(fqdn: string, { dir, json }: CommonOptions): Promise<void> {
  await administrate(dir, (administration) => administration.removeNode(fqdn));
  print(json ? JSON.stringify({ fqdn: canonicalName(fqdn), done: 'remove-node' }) : `Removed ${canonicalName(fqdn)}.`);
}

async function listAccounts({ dir, json }: CommonOptions): Promise<void> {
  const accounts = (await administrate(dir, (administration) => administration.list())).map(shown);
  if (json) return print(JSON.stringify({ accounts }));
  if (accounts.length === 0) return print('No accounts. Add one with "ntmobile account add".');
  for (const { fqdn, created, lastLogin, disabled, nodes } of accounts) {
    const last = lastLogin === null ? 'never logged in' : `last login ${lastLogin}`;
    print(`${fqdn}  since ${created}  ${last}${disabled ? '  disabled' : ''}`);
    for (const node of nodes) {
      const how = node.joinKey === null ? '' : `  by key ${node.joinKey}`;
      print(`  ${node.fqdn}  last login ${node.lastLogin}${how}${node.ended ? '  session ended' : ''}`);
    }
  }
}

function shown({ name, fqdn, createdMs, disabled, nodes }: ListedAccount) {
  const logins = nodes.map(({ loginMs }) => loginMs);
  return {
    ...{ name, fqdn, zone: fqdn.slice(name.length + 1), created: timeText(createdMs), disabled },
    lastLogin: logins.length === 0 ? null : timeText(Math.max(...logins)),
    nodes: nodes.map((node) => ({
      ...{ fqdn: node.fqdn, lastLogin: timeText(node.loginMs), joinKey: node.joinKey, ended: node.ended },
    })),
  };
}
