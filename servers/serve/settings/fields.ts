/** Fields that settings of several servers have. Messages say what would be right; config-file.ts adds file and line. */
import { isIP } from 'node:net';
import * as v from 'valibot';
import { parseJoinUrl, type JoinUrl } from '../../../core/join-url';
import type { Endpoint } from '../../../core/wire/addresses';
import { KEY_LENGTH } from '../../../core/wire/key-length';
import { canonicalName } from '../../../core/wire/names';
import { isLabel, isZone } from '../../names';

/** As pino has them. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export const text = v.pipe(v.string('must be text'), v.minLength(1, 'must not be empty'));
export const zone = v.pipe(
  text,
  v.transform(canonicalName),
  v.check(isZone, 'is not a domain name; a zone looks like ntm.example.org'),
);
export const name = v.pipe(text, v.check(isLabel, 'must be a DNS label: letters a-z, digits and hyphens, e.g. rs1'));

export const domain = v.pipe(
  text,
  v.transform(canonicalName),
  v.check(isZone, 'is not a domain name; a name server is called like ns2.example.org'),
);
export const address = v.pipe(
  text,
  v.check((value) => isIP(value) !== 0, 'must be an IP address'),
);

/** Where to listen. */
export const endpoint = v.pipe(
  text,
  v.check((value) => parseEndpoint(value) !== undefined, 'must be an IP address and a port, e.g. "192.0.2.1:4500"'),
  v.transform((value): Endpoint => parseEndpoint(value)!),
);
/** Where others come to: they cannot come to every address, nor to any port. */
export const advertised = v.pipe(
  endpoint,
  v.check(({ address }) => !isWildcard(address), 'must be one address that others can send to'),
  v.check(({ port }) => port !== 0, 'must name the port that others send to'),
);
/** One, or one of each IP version. */
export const endpoints = oneOrTwo(endpoint);
export const advertisedEndpoints = oneOrTwo(advertised);

export const key = v.pipe(
  text,
  v.regex(/^[\w-]{43}=?$/, 'must be a public key of 43 letters; "ntmobile key --dir DIR" prints the one of a server'),
  v.transform((value) => new Uint8Array(Buffer.from(value, 'base64url'))),
  v.check((value) => value.length === KEY_LENGTH, 'is no key of 32 bytes'),
);
export const joinUrl = v.pipe(
  text,
  v.rawTransform(({ dataset, addIssue, NEVER }): JoinUrl => {
    try {
      return parseJoinUrl(dataset.value);
    } catch {
      addIssue({ message: 'must be the URL that "serve as" prints: ntmobile://ADDRESS:PORT/?key=...' });
      return NEVER;
    }
  }),
  v.check(({ host }) => isIP(host) !== 0, 'must name an IP address, not a host name'),
);
export const positive = v.pipe(
  v.number('must be a number'),
  v.integer('must be whole'),
  v.minValue(1, 'must be 1 or more'),
);

/** For nodes whose network lets no UDP through: datagrams over TLS. Without files it makes a certificate itself. */
export const tls = v.pipe(
  v.strictObject({
    ...{ listen: endpoints, advertise: v.optional(advertisedEndpoints) },
    ...{ certFile: v.optional(text), keyFile: v.optional(text) },
  }),
  v.check(
    ({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined),
    'needs both "certFile" and "keyFile", or none of them',
  ),
  v.check(
    (all) => !needsAdvertise(all),
    'listens on every address of this host, and others must be told one: name it, or set its "advertise" too',
  ),
);

/** Of every server. `dir` is for its key, and for what it keeps. */
export const common = {
  dir: text,
  metrics: v.optional(endpoint),
  trace: v.optional(text),
  log: v.optional(v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)),
};

/** The DC that an NS, RS or CS works for. */
export const coordinator = v.strictObject({ zone, endpoint: advertised, key });

/** Both texts of one IP version, or a list of one. */
function oneOrTwo(one: v.GenericSchema<string, Endpoint>) {
  return v.pipe(
    v.union([one, v.array(one)], (issue) => reasonOf(issue)),
    v.transform((value) => (Array.isArray(value) ? value : [value])),
    v.check((value) => value.length > 0 && value.length <= 2, 'must name one address, or one of each IP version'),
    v.check(
      (value) => value.length < 2 || value[0]!.address.includes(':') !== value[1]!.address.includes(':'),
      'names two addresses of one IP version',
    ),
  );
}

/** What is wrong with an element is more to the point than that it is none of two things. */
function reasonOf({ issues }: { readonly issues?: readonly v.BaseIssue<unknown>[] | undefined }): string {
  const told = issues?.map(({ message }) => message).find((message) => !/must be text|array/i.test(message));
  return told ?? 'must be "ADDRESS:PORT", or a list of one for IPv4 and one for IPv6';
}

interface Listening {
  readonly listen: Endpoint | Endpoint[];
  readonly advertise?: unknown;
}

/** A server that listens on every address must be told where others come to. */
export function needsAdvertise({ listen, advertise }: Listening): boolean {
  return advertise === undefined && [listen].flat().some(({ address }) => isWildcard(address));
}
export const NEEDS_ADVERTISE =
  'is every address of this host, and others must be told one: name it, or set "advertise" too';

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || /^[0:]+$/.test(address);
}

export function parseEndpoint(value: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(value);
  const [address = '', port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  return isIP(address) && port <= 65_535 ? { address, port } : undefined;
}
