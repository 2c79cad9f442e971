/** `ntmobile account key`: join keys, by which machines join that nobody sits at. */
import { Command, InvalidArgumentError } from 'commander';
import type { JoinKey } from '../../servers/store/account-store';
import { print, UsageError } from '../output';
import { administrate, common, timeText, type CommonOptions } from './common';

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const DEFAULT_LIFETIME = '7d';

interface AddOptions extends CommonOptions {
  readonly once?: boolean;
  /** Milliseconds; Infinity: for ever. Commander takes null for nothing. */
  readonly expires?: number;
  readonly node?: string;
  readonly nodePrefix?: string;
}

export function joinKeyCommand(): Command {
  return new Command('key')
    .description('manage join keys, which machines use in place of an account and its password')
    .addCommand(
      common(new Command('add').argument('<account>'))
        .description('make a join key and print it, this one time')
        .option('--once', 'good for one node, which may come again after a restart')
        .option('--expires <time>', 'until when new nodes may join by it: 30m, 12h, 7d or never', lifetime)
        .option('--node <name>', 'only for this node name, which need not be set then')
        .option('--node-prefix <prefix>', 'only for node names that begin so')
        .addHelpText('after', `\nWithout --expires it is good for ${DEFAULT_LIFETIME}.`)
        .action((account: string, options: AddOptions) => add(account, options)),
    )
    .addCommand(
      common(new Command('list').argument('[account]'))
        .description('list the join keys, without what is secret of them')
        .action(list),
    )
    .addCommand(
      common(new Command('remove').argument('<id>'))
        .description('remove a join key, and end the sessions of the nodes that joined by it')
        .action(remove),
    );
}

async function add(account: string, { dir, json, once = false, node, nodePrefix, ...options }: AddOptions) {
  if (node !== undefined && nodePrefix !== undefined) throw new UsageError('give --node or --node-prefix, not both');
  const givenMs = options.expires ?? lifetime(DEFAULT_LIFETIME);
  const lifetimeMs = givenMs === Infinity ? null : givenMs;
  const wanted = { once, lifetimeMs, node: node?.toLowerCase() ?? null, nodePrefix: nodePrefix?.toLowerCase() ?? null };
  const { key, kept } = await administrate(dir, (administration) => administration.addKey(account, wanted));
  if (json) return print(JSON.stringify({ key, ...shown(kept) }));
  print(key);
  process.stderr.write(
    `This key is shown only now. A machine joins with NTMOBILE_JOIN_KEY set to it. ${describe(kept)}\n`,
  );
}

async function list(account: string | undefined, { dir, json }: CommonOptions): Promise<void> {
  const keys = await administrate(dir, (administration) => administration.listKeys(account));
  if (json) return print(JSON.stringify({ keys: keys.map(shown) }));
  if (keys.length === 0) return print('No join keys. Make one with "ntmobile account key add".');
  for (const key of keys) print(`${key.id}  ${key.account}  ${describe(key)}`);
}

async function remove(id: string, { dir, json }: CommonOptions): Promise<void> {
  const nodes = await administrate(dir, (administration) => administration.removeKey(id));
  const count = nodes === 1 ? 'one node' : `${nodes} nodes`;
  print(json ? JSON.stringify({ removed: true, nodes }) : `Removed; the sessions of ${count} end.`);
}

function describe({ once, expiresMs, node, nodePrefix, usedMs }: JoinKey): string {
  const until = expiresMs === null ? 'never expires' : `new nodes until ${timeText(expiresMs)}`;
  const name = node === null ? nodePrefix && `for names ${nodePrefix}...` : `for ${node}`;
  const used = usedMs === null ? 'not used yet' : `used ${timeText(usedMs)}`;
  return [once ? 'for one node' : 'reusable', until, name, used].filter(Boolean).join(', ');
}

function shown({ id, account, once, createdMs, expiresMs, node, nodePrefix, usedMs }: JoinKey) {
  const time = (ms: number | null): string | null => (ms === null ? null : timeText(ms));
  return {
    ...{ id, account, once, node, nodePrefix },
    ...{ created: time(createdMs), expires: time(expiresMs), used: time(usedMs) },
  };
}

function lifetime(text: string): number {
  if (text === 'never') return Infinity;
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0) {
    throw new InvalidArgumentError('Give minutes, hours or days, e.g. 30m, 12h or 7d; or never.');
  }
  return Number(count) * UNITS_MS[unit!]!;
}
