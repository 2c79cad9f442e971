/**
 * NTMOBILE_AS: where the account server is and which key it must prove to hold.
 *
 *   ntmobile://host:port/?key=<X25519 public key, base64url>&zone=<zone>&tls=<port>
 *
 * `zone` is a hint: with it a program knows from its first line which names are virtual. The AS has the last word.
 * `tls`: the port where the AS takes datagrams over TLS; without it nodes that need it try 443 and the port above.
 */
import { NtmError } from './errors';
import { KEY_LENGTH } from './wire/key-length';

export interface JoinUrl {
  /** A host name or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly publicKey: Uint8Array;
  readonly zone?: string;
  readonly tlsPort?: number | undefined;
}

/** Throws NtmError NTM_CONFIG, whose message says which part is wrong. */
export function parseJoinUrl(text: string): JoinUrl {
  const url = parseUrl(text);
  if (url.protocol !== 'ntmobile:') throw wrong('does not start with ntmobile://');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw wrong('names no host');
  if (url.port === '' || url.port === '0') throw wrong('names no port');
  const key = url.searchParams.get('key');
  if (key === null) throw wrong('has no key=');
  const publicKey = new Uint8Array(Buffer.from(key, 'base64url'));
  if (publicKey.length !== KEY_LENGTH || !/^[\w-]{43}=?$/.test(key)) {
    throw wrong('has a key that is not 32 bytes of base64url; was it copied in full?');
  }
  const zone = url.searchParams.get('zone')?.toLowerCase().replace(/\.$/, '');
  if (zone && !/^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/.test(zone))
    throw wrong('has a zone= that is no name');
  const tls = url.searchParams.get('tls');
  if (tls !== null && !(/^[1-9]\d{0,4}$/.test(tls) && Number(tls) <= 65_535)) throw wrong('has a tls= that is no port');
  return { host, port: Number(url.port), publicKey, ...(zone && { zone }), ...(tls && { tlsPort: Number(tls) }) };
}

export function formatJoinUrl({ host, port, publicKey, zone, tlsPort }: JoinUrl): string {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const key = Buffer.from(publicKey).toString('base64url');
  return `ntmobile://${authority}/?key=${key}${zone === undefined ? '' : `&zone=${zone}`}${tlsPort === undefined ? '' : `&tls=${tlsPort}`}`;
}

function parseUrl(text: string): URL {
  try {
    return new URL(text.trim());
  } catch {
    throw wrong('is not a URL');
  }
}

function wrong(what: string): NtmError {
  const shape = 'ntmobile://host:port/?key=<public key of the account server>';
  return new NtmError('NTM_CONFIG', `NTMOBILE_AS ${what}. It looks like ${shape}; "ntmobile up" prints it.`);
}
