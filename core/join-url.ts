/**
 * How a node finds its account server: `ntmobile://host:port/?key=<base64url X25519 key of the AS>&zone=<zone>`.
 * `zone` is optional: with it the network's suffix is known before the first answer of the AS.
 */
import { NtmError } from './errors';
import { KEY_LENGTH } from './wire/keys';

export interface JoinUrl {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly publicKey: Uint8Array;
  readonly zone?: string;
}

const SCHEME = 'ntmobile:';

export function formatJoinUrl({ host, port, publicKey, zone }: JoinUrl): string {
  const authority = host.includes(':') ? `[${host}]` : host;
  const key = Buffer.from(publicKey).toString('base64url');
  return `${SCHEME}//${authority}:${port}/?key=${key}${zone ? `&zone=${encodeURIComponent(zone)}` : ''}`;
}

/** Throws NtmError NTM_CONFIG that says what is wrong with NTMOBILE_AS. */
export function parseJoinUrl(text: string): JoinUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== SCHEME || !url.hostname) throw malformed('is not of the form ntmobile://host:port/?key=...');
  if (!url.port) throw malformed('has no port');
  const publicKey = new Uint8Array(Buffer.from(url.searchParams.get('key') ?? '', 'base64url'));
  if (publicKey.length !== KEY_LENGTH) throw malformed('has no key of 32 bytes (base64url) in ?key=');
  const zone = url.searchParams.get('zone');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(url.port), publicKey, ...(zone && { zone }) };
}

function malformed(what: string): NtmError {
  return new NtmError('NTM_CONFIG', `NTMOBILE_AS ${what}; copy it from where \`ntmobile up\` printed it`);
}
