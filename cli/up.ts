/** `ntmobile up`: AS, DC with its DNS, NS, RS and CS in one process on embedded storage. */
import { isIP } from 'node:net';
import { Command, InvalidArgumentError } from 'commander';
import type { Logger } from 'pino';
import { nodeClock, nodeRandom } from '../core/runtime-node';
import { noTrace } from '../core/trace';
import { openTraceFile, type TraceFile } from '../core/trace-file';
import { formatEndpoint, type Endpoint } from '../core/wire/addresses';
import { hashPassword } from '../servers/account/password';
import { startEmbeddedNetwork, type EmbeddedNetwork } from '../servers/embedded-network';
import type { Watch } from '../servers/host';
import { DEFAULT_ZONE, isZone } from '../servers/names';
import type { ServerName } from '../servers/network-settings';
import { parseEndpoint } from '../servers/serve/settings/fields';
import { lockDirectory } from '../servers/store/directory-lock';
import { openSqliteStore } from '../servers/store/sqlite-store';
import type { Store } from '../servers/store/store';
import { Administration } from '../servers/account/administration';
import { checkAccountName } from './account/accounts';
import { openLog } from './log';
import { print, UsageError } from './output';
import { checked } from './password-input';
import { stopSignal } from './stop-signal';
import { UpWatch } from './up-watch';

interface NewAccount {
  readonly name: string;
  readonly password: string;
}

interface UpOptions {
  readonly dir: string;
  readonly account?: readonly NewAccount[];
  readonly zone?: string;
  readonly address: string;
  readonly asPort?: number;
  readonly dcPort?: number;
  readonly dnsPort?: number;
  readonly nsPort?: number;
  readonly rsPort?: number;
  readonly csPort?: number;
  readonly metrics?: Endpoint;
  readonly policy?: string;
  readonly json?: boolean;
}

export function upCommand(): Command {
  const command = new Command('up')
    .description('run all servers of a network in one process until SIGTERM or SIGINT')
    .requiredOption('--dir <dir>', 'directory for accounts, keys and addresses; made when it is not there')
    .option('--account <name:password>', 'add this account, or change its password; may be repeated', parseAccount)
    .option('--zone <zone>', `zone of the names, decided at the first start; default ${DEFAULT_ZONE}`, parseZone)
    .option('--address <address>', 'IP address to serve on', parseAddress, '127.0.0.1')
    .option('--metrics <address:port>', 'show metrics and health here, over HTTP', parseMetrics)
    .option('--policy <file>', 'who may reach whom, JSON with comments; default: everybody everybody')
    .option('--json', 'print one line of JSON once everything runs');
  for (const server of ['as', 'dc', 'dns', 'ns', 'rs', 'cs']) {
    const what = server === 'as' ? 'as last time, or a free one' : 'a free one';
    command.option(`--${server}-port <port>`, `port of ${server.toUpperCase()}; default: ${what}`, parsePort);
  }
  return command.action(up).addHelpText(
    'after',
    `
${DEFAULT_ZONE} is below the top-level domain that ICANN reserves for private use: no public name can collide with it.
NTMOBILE_LOG sets the level of the log on standard error, NTMOBILE_TRACE a file for the signalling trace.
Passwords given by --account are visible to others on this host; "ntmobile account add" reads them from a file.`,
  );
}

async function up(options: UpOptions): Promise<void> {
  const log = openLog(process.env);
  const stopped = stopSignal();
  const traceFile = openTrace(log);
  const store = openSqliteStore(options.dir);
  const lock = lockDirectory(options.dir);
  const watch = new UpWatch(options.dir, log);
  try {
    await putAccounts(store, options.account ?? []);
    const network = await start(options, store, log, (server) => watch.of(server, traceFile?.trace ?? noTrace));
    const reload = (): void => network.reload();
    process.on('SIGHUP', reload);
    try {
      await watch.start(network, options.metrics);
      const accounts = await accountNames(store);
      print(options.json ? JSON.stringify(toJson(network, accounts)) : describe(network, accounts));
      log.info({ servers: network.servers, zone: network.zone }, 'serving');
      log.info({ signal: await stopped, drops: network.drops() }, 'stopping');
    } finally {
      await watch.stop();
      process.off('SIGHUP', reload);
      await network.close();
    }
  } finally {
    lock.release();
    store.close();
    traceFile?.close();
  }
}

function start(
  options: UpOptions,
  store: Store,
  log: Logger,
  watch: (server: ServerName) => Watch,
): Promise<EmbeddedNetwork> {
  const { address, zone, policy, asPort, dcPort, dnsPort, nsPort, rsPort, csPort } = options;
  const given = Object.entries({ as: asPort, dc: dcPort, dns: dnsPort, ns: nsPort, rs: rsPort, cs: csPort });
  const ports = Object.fromEntries(given.filter(([, port]) => port !== undefined)) as Record<string, number>;
  return startEmbeddedNetwork({
    ...{ store, address, ports, watch, log: (reason) => log.warn(reason) },
    ...(zone !== undefined && { zone }),
    ...(policy !== undefined && { policy }),
  });
}

function openTrace(log: Logger): TraceFile | undefined {
  const path = process.env['NTMOBILE_TRACE'];
  if (!path) return undefined;
  return openTraceFile(path, nodeClock, (error) => log.warn({ path, error: error.message }, 'no trace'));
}

async function putAccounts(store: Store, accounts: readonly NewAccount[]): Promise<void> {
  for (const { name, password } of accounts) {
    const hash = await hashPassword(password, nodeRandom);
    await store.accounts.put(name, hash, Math.floor(nodeClock.wallTimeMs()));
  }
}

function toJson(network: EmbeddedNetwork, accounts: { name: string; fqdn: string }[]): object {
  return { as: network.joinUrl, zone: network.zone, accounts, servers: network.servers };
}

function describe({ joinUrl, zone, servers }: EmbeddedNetwork, accounts: { name: string; fqdn: string }[]): string {
  const first = accounts[0];
  return [
    `NTMobile network ${zone} is up:`,
    `  AS   accounts       ${formatEndpoint(servers.as)}`,
    `  DC   directions     ${formatEndpoint(servers.dc)}, DNS ${formatEndpoint(servers.dns)}`,
    `  NS   notifications  ${formatEndpoint(servers.ns)} (UDP and TCP)`,
    `  RS   relay          ${formatEndpoint(servers.rs)}`,
    `  CS   cache          ${formatEndpoint(servers.cs)}`,
    '',
    accounts.length > 0
      ? `Accounts: ${accounts.map(({ name, fqdn }) => `${name} (${fqdn})`).join(', ')}`
      : 'No accounts yet. Add one with "ntmobile account add NAME --dir DIR".',
    '',
    'To join with a program:',
    `  export NTMOBILE_AS='${joinUrl}'`,
    `  export NTMOBILE_ACCOUNT=${first?.name ?? 'NAME'}`,
    '  export NTMOBILE_PASSWORD_FILE=FILE    # a file whose first line is the password; or NTMOBILE_PASSWORD',
    '  node -r ntmobile/register app.js',
    '',
    'Ctrl-C ends it.',
  ].join('\n');
}

function parseAccount(text: string, before: readonly NewAccount[] = []): NewAccount[] {
  const colon = text.indexOf(':');
  // The argument is not repeated in the message: it may hold a password.
  if (colon < 1) throw new UsageError('--account wants NAME:PASSWORD');
  return [...before, { name: checkAccountName(text.slice(0, colon)), password: checked(text.slice(colon + 1)) }];
}

function parseZone(text: string): string {
  const zone = text.toLowerCase().replace(/\.$/, '');
  if (!isZone(zone)) throw new InvalidArgumentError('It is not a domain name.');
  return zone;
}

function parseAddress(text: string): string {
  if (!isIP(text) || text === '0.0.0.0' || text === '::') {
    throw new InvalidArgumentError('Give one IP address of this host; nodes are told to come there.');
  }
  return text;
}

function parseMetrics(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (!endpoint) throw new InvalidArgumentError('It is ADDRESS:PORT, e.g. 127.0.0.1:9464.');
  return endpoint;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new InvalidArgumentError('A port is 1 to 65535.');
  return port;
}

async function accountNames(store: Store): Promise<{ name: string; fqdn: string }[]> {
  const accounts = await new Administration(store, nodeClock, nodeRandom).list();
  return accounts.map(({ name, fqdn }) => ({ name, fqdn }));
}
