/** `ntmobile serve as|dc|ns|rs|cs`: one server of a network, by a file of settings. `ntmobile key`: its public key. */
import { Command } from 'commander';
import { nodeClock, nodeRandom } from '../core/runtime-node';
import { noTrace } from '../core/trace';
import { openTraceFile } from '../core/trace-file';
import { formatEndpoint } from '../core/wire/addresses';
import { readSettings } from '../servers/serve/config-file';
import { openMetrics } from '../servers/serve/metrics';
import { serve } from '../servers/serve/serve';
import { formatKey, serverKey } from '../servers/serve/server-key';
import type { Kind } from '../servers/serve/settings';
import { lockDirectory } from '../servers/store/directory-lock';
import { openLog } from './log';
import { print } from './output';
import { stopSignal } from './stop-signal';

const kinds: Readonly<Record<Kind, string>> = {
  as: 'the account server',
  dc: 'a direction coordinator with the DNS of its zone',
  ns: 'a notification server',
  rs: 'a relay server',
  cs: 'a cache server',
};

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
  const log = openLog(process.env);
  const settings = readSettings(kind, config);
  if (check) return print(json ? JSON.stringify({ ok: true }) : `${config} is right`);
  const stopped = stopSignal();
  const stop = new AbortController();
  void stopped.then(() => stop.abort());
  serverKey(settings.dir, nodeRandom); // makes the directory
  const lock = lockDirectory(settings.dir);
  const file =
    settings.trace === undefined
      ? undefined
      : openTraceFile(settings.trace, nodeClock, ({ message: error }) => log.warn({ error }, 'no trace'));
  try {
    const context = {
      trace: file?.trace ?? noTrace,
      log: (text: string, more = {}) => log.warn({ kind, ...more }, text),
      stop: stop.signal,
    };
    const server = await serve(kind, settings, context);
    try {
      const metrics = settings.metrics && (await openMetrics(settings.metrics, server));
      const about = { ...server.about, ...(metrics && { 'shows metrics on': formatEndpoint(metrics.local) }) };
      const lines = Object.entries(about).map(([what, where]) => `${what} ${where}`);
      print(json ? JSON.stringify({ kind, about }) : lines.join('\n'));
      log.info({ kind, about }, 'serving');
      log.info({ kind, signal: await stopped }, 'stopping');
      await metrics?.close();
    } finally {
      await server.close();
    }
  } finally {
    lock.release();
    file?.close();
  }
}
