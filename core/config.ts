/**
 * The settings of a node: `NTMOBILE_*` variables, and a JSON file named by NTMOBILE_CONFIG with the same settings
 * in camelCase (`as`, `account`, `passwordFile`, ...). Variables win.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseCachedPorts, type CachedPorts } from './cached-ports';
import { NtmError } from './errors';
import { parseInboundRules, type InboundRules } from './inbound-rules';
import { parseJoinUrl, type JoinUrl } from './join-url';
import { parsePushAddress, type PushAddress } from './push-address';
import { LOG_LEVELS, type LogLevel } from './log';
import { parseJoinKey } from './wire/join-key';
import { canonicalName } from './wire/names';

/** LDH label (RFC 5890 section 2.3.1), lower case. */
const label = v.pipe(
  v.string(),
  v.toLowerCase(),
  v.regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a DNS label: letters, digits and hyphens, at most 63'),
);
const domains = v.pipe(
  v.union([v.array(v.string()), v.string()]),
  v.transform((value) =>
    (Array.isArray(value) ? value : value.split(',')).map((domain) => canonicalName(domain.trim())).filter(Boolean),
  ),
);

const schema = v.object({
  as: v.string('is not set: where is the account server? (`ntmobile up` prints it)'),
  account: v.optional(label),
  password: v.optional(v.string()),
  passwordFile: v.optional(v.string()),
  joinKey: v.optional(v.string()),
  joinKeyFile: v.optional(v.string()),
  node: v.optional(label),
  domains: v.optional(domains, []),
  allow: v.optional(v.union([v.array(v.string()), v.string()], 'must be text, e.g. `alice.*:443,*.ops.example:22`')),
  cache: v.optional(
    v.union([v.array(v.union([v.string(), v.number()])), v.string()], 'must be ports, e.g. `5683,9000-9010`'),
  ),
  listen: v.optional(v.picklist(['both', 'virtual', 'host']), 'both'),
  route: v.optional(v.picklist(['auto', 'relay', 'direct']), 'auto'),
  portMapping: v.optional(v.picklist(['auto', 'off']), 'auto'),
  standby: v.optional(v.picklist(['auto', 'off']), 'auto'),
  push: v.optional(v.string()),
  udp: v.optional(v.picklist(['on', 'off'], 'must be on or off'), 'on'),
  stateDir: v.optional(v.string()),
  log: v.optional(v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`), 'warn'),
  trace: v.optional(v.string()),
  pcap: v.optional(v.string()),
  required: v.optional(
    v.union([
      v.boolean(),
      v.pipe(
        v.string(),
        v.transform((value) => value === '1'),
      ),
    ]),
    false,
  ),
});

const variables: Record<keyof v.InferInput<typeof schema>, string> = {
  as: 'NTMOBILE_AS',
  account: 'NTMOBILE_ACCOUNT',
  password: 'NTMOBILE_PASSWORD',
  passwordFile: 'NTMOBILE_PASSWORD_FILE',
  joinKey: 'NTMOBILE_JOIN_KEY',
  joinKeyFile: 'NTMOBILE_JOIN_KEY_FILE',
  node: 'NTMOBILE_NODE',
  domains: 'NTMOBILE_DOMAINS',
  allow: 'NTMOBILE_ALLOW',
  cache: 'NTMOBILE_CACHE',
  listen: 'NTMOBILE_LISTEN',
  route: 'NTMOBILE_ROUTE',
  portMapping: 'NTMOBILE_PORT_MAPPING',
  standby: 'NTMOBILE_STANDBY',
  push: 'NTMOBILE_PUSH',
  udp: 'NTMOBILE_UDP',
  stateDir: 'NTMOBILE_STATE_DIR',
  log: 'NTMOBILE_LOG',
  trace: 'NTMOBILE_TRACE',
  pcap: 'NTMOBILE_PCAP',
  required: 'NTMOBILE_REQUIRED',
};

export interface NodeConfig {
  readonly accountServer: JoinUrl;
  /** With a join key, a name for it. */
  readonly account: string;
  /** As it is now: a file is read anew. Or the join key. */
  password(): string;
  readonly byJoinKey: boolean;
  readonly node: string | null;
  /** Suffixes known before the AS is asked: NTMOBILE_DOMAINS and the zone in NTMOBILE_AS. */
  readonly domains: readonly string[];
  readonly listen: 'both' | 'virtual' | 'host';
  /** Who gets in; undefined: everybody whom the DC introduces. */
  readonly allow: InboundRules | undefined;
  /** UDP ports whose datagrams go by way of the cache for nodes that are away; undefined: none. */
  readonly cachedPorts: CachedPorts | undefined;
  readonly route: 'auto' | 'relay' | 'direct';
  /** Whether the router is asked for an endpoint outside (core/reach/port-mapping). */
  readonly portMapping: 'auto' | 'off';
  /** Whether other interfaces stand by for tunnels in use (core/packet/paths/standby.ts). */
  readonly standby: 'auto' | 'off';
  /** Off: servers and relays are reached over TLS alone, as where no UDP passes. */
  readonly udp: 'on' | 'off';
  /** How the NS wakes this node when their connection is gone. */
  readonly push: PushAddress | undefined;
  readonly stateDir: string;
  readonly log: LogLevel;
  readonly traceFile: string | undefined;
  readonly captureFile: string | undefined;
  /** End the process when login fails. */
  readonly required: boolean;
}

/** Throws NtmError NTM_CONFIG that names the setting and the cure. */
export function readConfig(env: NodeJS.ProcessEnv): NodeConfig {
  const unset = Object.fromEntries(Object.keys(variables).map((setting) => [setting, undefined]));
  const parsed = v.safeParse(schema, { ...unset, ...readConfigFile(env.NTMOBILE_CONFIG), ...readVariables(env) });
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const setting = issue.path?.[0]?.key as keyof typeof variables;
    throw new NtmError('NTM_CONFIG', `${variables[setting] ?? setting} ${issue.message}`);
  }
  const { as, node, allow, cache, push, stateDir, trace, pcap, ...others } = parsed.output;
  const { account, password, passwordFile, joinKey, joinKeyFile, ...rest } = others;
  const accountServer = parseJoinUrl(as);
  return {
    ...rest,
    accountServer,
    node: node ?? null,
    ...credentials({ account, password, passwordFile, joinKey, joinKeyFile }),
    allow: allow === undefined ? undefined : parseInboundRules(allow),
    cachedPorts: cache === undefined ? undefined : parseCachedPorts(cache),
    domains: [...new Set([...rest.domains, ...(accountServer.zone ? [canonicalName(accountServer.zone)] : [])])],
    push: push === undefined ? undefined : parsePushAddress(push),
    stateDir: stateDir ?? defaultStateDir(env),
    traceFile: trace,
    captureFile: pcap,
  };
}

type Credentials = Pick<
  v.InferOutput<typeof schema>,
  'account' | 'password' | 'passwordFile' | 'joinKey' | 'joinKeyFile'
>;

/** A join key stands for account and password. */
function credentials({
  account,
  password,
  passwordFile,
  joinKey,
  joinKeyFile,
}: Credentials): Pick<NodeConfig, 'account' | 'password' | 'byJoinKey'> {
  if (joinKey !== undefined || joinKeyFile !== undefined) {
    const secret = joinKey === undefined ? secretIn(joinKeyFile, 'NTMOBILE_JOIN_KEY_FILE') : () => joinKey.trim();
    return { account: joinKeyName(secret()), password: secret, byJoinKey: true };
  }
  if (account === undefined) throw new NtmError('NTM_CONFIG', 'NTMOBILE_ACCOUNT is not set: who logs in?');
  const secret = password === undefined ? secretIn(passwordFile, 'NTMOBILE_PASSWORD_FILE') : () => password;
  return { account, password: secret, byJoinKey: false };
}

/** Of the part of a key that is no secret. */
function joinKeyName(key: string): string {
  const parsed = parseJoinKey(key);
  if (parsed) return `key-${parsed.id}`;
  // The message does not repeat it: it may be another secret.
  throw new NtmError('NTM_CONFIG', 'NTMOBILE_JOIN_KEY is no join key; it begins with ntmk-. Was it copied in full?');
}

export function defaultStateDir(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'ntmobile');
}

function readVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const settings = Object.entries(variables).map(([setting, variable]) => [setting, env[variable]] as const);
  // An empty list of those who get in is a mistake that must not let everybody in.
  const isSet = (entry: readonly [string, string | undefined]): entry is [string, string] =>
    !!entry[1] || (entry[0] === 'allow' && entry[1] !== undefined);
  return Object.fromEntries(settings.filter(isSet));
}

function readConfigFile(path: string | undefined): object {
  if (!path) return {};
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as object;
  } catch (error) {
    throw new NtmError('NTM_CONFIG', `NTMOBILE_CONFIG: cannot read ${path}: ${(error as Error).message}`);
  }
}

/** A file that cannot be read any more, e.g. while it is replaced, leaves the password as it was. */
function secretIn(path: string | undefined, setting: string): () => string {
  let last = readSecret(path, setting);
  return () => {
    try {
      last = readSecret(path, setting) || last;
    } catch {
      // as said
    }
    return last;
  };
}

function readSecret(path: string | undefined, setting: string): string {
  if (!path) throw new NtmError('NTM_CONFIG', 'NTMOBILE_PASSWORD or NTMOBILE_PASSWORD_FILE is not set');
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new NtmError('NTM_CONFIG', `${setting}: cannot read ${path}: ${(error as Error).message}`);
  }
}
