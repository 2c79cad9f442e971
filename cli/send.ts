/** `ntmobile send`: stores a file at the cache server, for a node that may be away. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { asNode } from './joined-node';
import { print } from './output';

interface SendOptions {
  readonly ttl?: number;
  readonly name?: string;
  readonly type?: string;
  readonly json?: boolean;
}

const UNITS_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function sendCommand(): Command {
  return new Command('send')
    .description('store a file for another node, which gets it when it is there, once')
    .argument('<fqdn>', 'who gets it')
    .argument('[file]', 'what is sent; - or nothing: standard input', '-')
    .option('--ttl <time>', 'how long it is kept, e.g. 90s, 15m, 12h, 7d; default: as the cache server says', parseTtl)
    .option('--name <name>', 'what the receiver sees as its name; default: that of the file')
    .option('--type <type>', 'its media type')
    .option('--json', 'print one line of JSON')
    .action(send)
    .addHelpText(
      'after',
      `
Who sends is said by NTMOBILE_AS, NTMOBILE_ACCOUNT, NTMOBILE_PASSWORD_FILE and so on, as for "ntmobile/register".
The file is sealed to the receiver's key: no server reads it. This command ends when the cache server has it on disk.
It joins as a node: where a program runs under that name, give this command another one by NTMOBILE_NODE.`,
    );
}

async function send(fqdn: string, file: string, { ttl, name, type, json }: SendOptions): Promise<void> {
  const content = file === '-' ? await readInput() : await readFile(file);
  const called = name ?? (file === '-' ? undefined : basename(file));
  await asNode(async (node) => {
    const options = {
      ...(ttl !== undefined && { ttlMs: ttl }),
      ...(called !== undefined && { name: called }),
      ...(type !== undefined && { type }),
    };
    const { id, to, expiresMs } = await node.cache.items.put(fqdn, content, options);
    const until = new Date(expiresMs).toISOString();
    print(
      json
        ? JSON.stringify({ id, to, bytes: content.length, expiresMs })
        : `stored ${content.length} bytes for ${to}, kept until ${until}`,
    );
  });
}

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parseTtl(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const ttlMs = Number(count) * UNITS_MS[unit]!;
  if (!(ttlMs > 0 && Number.isSafeInteger(ttlMs))) throw new InvalidArgumentError('Give a number and s, m, h or d.');
  return ttlMs;
}
