/** `ntmobile serve as|dc|ns|rs|cs`: one server of a network, by a file of settings. `ntmobile key`: its public key. */
import { Command } from 'commander';
import { NtmError } from '../core/errors';
import { nodeRandom } from '../core/runtime-node';
import { readSettings } from '../servers/serve/config-file';
import { formatKey, serverKey } from '../servers/serve/server-key';
import type { Kind } from '../servers/serve/settings';
import { openLog } from './log';
import { print, UsageError } from './output';
import { ServeProcess } from './serve-process';
import { stopSignal } from './stop-signal';

const kinds: Readonly<Record<Kind, string>> = {
  as: 'the account server',
  dc: 'a direction coordinator with the DNS of its zone',
  ns: 'a notification server',
  rs: 'a relay server',
  cs: 'a cache server',
};

const SIGNALS = `
SIGTERM and SIGINT end it gracefully. SIGHUP reads the settings again and takes what can change while it runs.
NTMOBILE_LOG sets the level of the log on standard error, before the setting "log".`;

interface ServeOptions {
  readonly config: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

export function serveCommand(): Command {
  const command = new Command('serve').description('run one server of a network until SIGTERM or SIGINT');
  for (const [kind, what] of Object.entries(kinds) as [Kind, string][]) {
    command
      .command(kind)
      .description(`run ${what}`)
      .requiredOption('--config <file>', 'settings, JSON with comments; examples/deploy has one of every kind')
      .option('--check', 'say whether the settings are right, and start nothing')
      .option('--json', 'print one line of JSON once it serves')
      .addHelpText('after', SIGNALS)
      .action((options: ServeOptions) => run(kind, options));
  }
  return command;
}

export function keyCommand(): Command {
  return new Command('key')
    .description("print the public key of a server, which others' settings name; made when it is not there")
    .requiredOption('--dir <dir>', 'the directory in the settings of the server')
    .option('--json', 'print one line of JSON')
    .action(({ dir, json }: { dir: string; json?: boolean }) => {
      const key = formatKey(serverKey(dir, nodeRandom).publicKey);
      print(json ? JSON.stringify({ key }) : key);
    });
}

async function run(kind: Kind, { config, check, json }: ServeOptions): Promise<void> {
  const settings = wellCalled(() => readSettings(kind, config));
  if (check) return print(json ? JSON.stringify({ ok: true }) : `${config} is right`);
  const server = new ServeProcess(kind, config, settings, openLog(process.env));
  await server.run(stopSignal(), (about) => {
    const lines = Object.entries(about).map(([what, where]) => `${what} ${where}`);
    print(json ? JSON.stringify({ kind, about }) : lines.join('\n'));
  });
}

/** Wrong settings are the caller's mistake: to start again will not help. */
function wellCalled<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof NtmError ? new UsageError(error.message) : error;
  }
}
