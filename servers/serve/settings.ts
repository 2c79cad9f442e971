/**
 * The settings of a server that runs by itself: one file each, JSON with comments. examples/deploy has one of every
 * kind. Messages say what is wrong and what would be right; config-file.ts adds the line.
 */
import { isIP } from 'node:net';
import * as v from 'valibot';
import { parseJoinUrl, type JoinUrl } from '../../core/join-url';
import type { Endpoint } from '../../core/wire/addresses';
import { KEY_LENGTH } from '../../core/wire/key-length';
import { canonicalName } from '../../core/wire/names';
import { isLabel, isZone } from '../names';

const text = v.string('must be text');
const zone = v.pipe(
  text,
  v.transform(canonicalName),
  v.check(isZone, 'is not a domain name; a zone looks like ntm.example.org'),
);
const name = v.pipe(text, v.check(isLabel, 'must be a DNS label: letters a-z, digits and hyphens, e.g. rs1'));
const endpoint = v.pipe(
  text,
  v.check((value) => parseEndpoint(value) !== undefined, 'must be an IP address and a port, e.g. "192.0.2.1:4500"'),
  v.transform((value): Endpoint => parseEndpoint(value)!),
);
/** One, or one of each IP version. */
const endpoints = v.pipe(
  v.union([endpoint, v.array(endpoint)], 'must be "ADDRESS:PORT", or a list of one for IPv4 and one for IPv6'),
  v.transform((value) => (Array.isArray(value) ? value : [value])),
  v.check((value) => value.length > 0 && value.length <= 2, 'must name one address, or one of each IP version'),
  v.check(
    (value) => value.length < 2 || value[0]!.address.includes(':') !== value[1]!.address.includes(':'),
    'names two addresses of one IP version',
  ),
);
const key = v.pipe(
  text,
  v.regex(/^[\w-]{43}=?$/, 'must be a public key of 43 letters; "ntmobile key --dir DIR" prints the one of a server'),
  v.transform((value) => new Uint8Array(Buffer.from(value, 'base64url'))),
  v.check((value) => value.length === KEY_LENGTH, 'is no key of 32 bytes'),
);
const joinUrl = v.pipe(
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
const positive = v.pipe(v.number('must be a number'), v.integer('must be whole'), v.minValue(1, 'must be 1 or more'));

/** Of every server. `dir` is for its key, and for what it keeps. */
const common = { dir: text, metrics: v.optional(endpoint), trace: v.optional(text) };
const coordinator = v.strictObject({ zone, endpoint, key });

export const settings = {
  as: v.strictObject({
    ...common,
    ...{ listen: endpoint, zone },
    coordinators: v.pipe(
      v.array(v.strictObject({ zone, key, endpoint: v.optional(endpoint) })),
      v.minLength(1, 'must name at least one coordinator'),
      v.check((all) => !all.some((a) => all.some((b) => b.zone.endsWith(`.${a.zone}`))), 'has a zone within another'),
      v.check((all) => new Set(all.map((each) => each.zone)).size === all.length, 'has a zone twice'),
    ),
  }),
  dc: v.strictObject({
    ...common,
    ...{ listen: endpoint, zone, accountServer: joinUrl },
    dns: v.optional(endpoint),
    servers: v.optional(
      v.array(v.strictObject({ kind: v.picklist(['ns', 'rs', 'cs'], 'must be ns, rs or cs'), name, key })),
      [],
    ),
    resolver: v.optional(v.array(text)),
  }),
  ns: v.strictObject({ ...common, name, listen: endpoint, coordinator, advertise: v.optional(endpoint) }),
  rs: v.strictObject({
    ...common,
    ...{ name, listen: endpoints, coordinator },
    advertise: v.optional(endpoints),
    limits: v.optional(
      v.strictObject({
        paths: v.optional(positive),
        bytesPerSecond: v.optional(positive),
        quotaBytes: v.optional(positive),
        capacityBytesPerSecond: v.optional(positive),
      }),
      {},
    ),
    drainSeconds: v.optional(v.pipe(positive, v.maxValue(600, 'must be 600 at most')), 30),
  }),
  cs: v.strictObject({
    ...common,
    ...{ name, listen: endpoint, coordinator },
    advertise: v.optional(endpoint),
    limits: v.optional(
      v.strictObject({
        itemBytes: v.optional(v.pipe(positive, v.maxValue(2 ** 30, 'must be 1073741824 (1 GiB) at most'))),
        receiverItems: v.optional(positive),
        receiverBytes: v.optional(positive),
        senderItems: v.optional(positive),
        senderBytes: v.optional(positive),
        totalBytes: v.optional(positive),
      }),
      {},
    ),
    ttlSeconds: v.optional(positive),
    maximumTtlSeconds: v.optional(v.pipe(positive, v.maxValue(366 * 86_400, 'must be 31622400 (366 days) at most'))),
  }),
};

export type Kind = keyof typeof settings;
export type Settings<K extends Kind> = v.InferOutput<(typeof settings)[K]>;

export function parseEndpoint(value: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(value);
  const [address = '', port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  return isIP(address) && port <= 65_535 ? { address, port } : undefined;
}
