/** `ntmobile receive`: takes what other nodes have stored for this one. */
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { CachedItem } from '../core/cache/contract';
import type { Node } from '../core/node';
import { asNode } from './joined-node';
import { ExitCode, print, UsageError } from './output';
import { stopSignal } from './stop-signal';

interface ReceiveOptions {
  readonly dir?: string;
  readonly one?: boolean;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const NAME_LIMIT_BYTES = 200;

export function receiveCommand(): Command {
  return new Command('receive')
    .description('take what other nodes have stored for this one, the oldest first')
    .option('--dir <dir>', 'write each item to a file there, under its name; default: to standard output')
    .option('--one', 'take one item at most')
    .option('--follow', 'also wait for what is still to come, until SIGTERM or SIGINT')
    .option('--json', 'print one line of JSON for each item; without --dir with its content in base64')
    .action(receive)
    .addHelpText(
      'after',
      `
Exit code 3: there was nothing. An item is taken once it is written, and then not given again; one that cannot be
written stays at the cache server. In --dir nothing is overwritten: a second "report" becomes "report-2".
It joins as the node whose items these are, which must not be running as another program meanwhile.`,
    );
}

async function receive(options: ReceiveOptions): Promise<void> {
  if (options.one && options.follow) throw new UsageError('give --one or --follow, not both');
  if (options.dir !== undefined) await mkdir(options.dir, { recursive: true });
  const stopped = stopSignal();
  await asNode(async (node, log) => {
    if (!options.follow) return takeAll(node, options);
    const take = async (item: CachedItem): Promise<void> => {
      try {
        await write(item, options);
      } catch (error) {
        log.error({ from: item.from, id: item.id, error: (error as Error).message }, 'cannot be written, kept');
        throw error;
      }
    };
    node.cache.items.on('item', take);
    log.info({ signal: await stopped }, 'stopping');
    node.cache.items.off('item', take);
  });
}

async function takeAll(node: Node, options: ReceiveOptions): Promise<void> {
  const { items } = node.cache;
  let count = 0;
  for (let item = await items.get(); item; item = await items.get()) {
    await write(item, options);
    await item.taken();
    count++;
    if (options.one) break;
  }
  if (count === 0) process.exitCode = ExitCode.nothing;
}

async function write(item: CachedItem, { dir, json }: ReceiveOptions): Promise<void> {
  const { from, id, name, type, sentMs, bytes } = item;
  const file = dir === undefined ? undefined : await writeFile(dir, item);
  const about = { from, id, name: name ?? null, type: type ?? null, sentMs, bytes: bytes.length };
  if (json) {
    const rest = file === undefined ? { content: Buffer.from(bytes).toString('base64') } : { file };
    await writeOut(`${JSON.stringify({ ...about, ...rest })}\n`);
  } else if (file === undefined) await writeOut(bytes);
  else print(`${file} (${bytes.length} bytes from ${from})`);
}

/** Whole, and on disk, or not at all. */
async function writeFile(dir: string, { id, name, bytes }: CachedItem): Promise<string> {
  const draft = join(dir, `.${id}.draft`);
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    for (let copy = 1; ; copy++) {
      const path = join(dir, fileName(name ?? id, copy));
      try {
        await link(draft, path);
        return path;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } finally {
    await unlink(draft);
  }
}

/** The sender chose the name: it shall not lead out of the directory, nor hide or command anything there. */
function fileName(name: string, copy: number): string {
  // eslint-disable-next-line no-control-regex
  const safe = name.replace(/[/\\\u0000-\u001f\u007f-\u009f]/g, '_').replace(/^[.-]+/, '_');
  const dot = safe.lastIndexOf('.');
  const [stem, extension] = dot > 0 && safe.length - dot <= 16 ? [safe.slice(0, dot), safe.slice(dot)] : [safe, ''];
  const short = Buffer.from(stem || '_')
    .subarray(0, NAME_LIMIT_BYTES)
    .toString()
    .replace(/\ufffd+$/, '');
  return `${short}${copy === 1 ? '' : `-${copy}`}${extension}`;
}

function writeOut(content: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(content, (error) => (error ? reject(error) : resolve()));
  });
}
