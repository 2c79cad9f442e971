/** What `--in` and `--out` say. */
import { isIPv6 } from 'node:net';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { UsageError } from '../output';

export type Protocol = 'tcp' | 'udp';

/** The node's virtual port leads to a server of the host, or of its network. */
export interface InRule {
  readonly way: 'in';
  readonly protocol: Protocol;
  readonly port: number;
  readonly to: Endpoint;
}

/** A port of the host leads to a server at an NTMobile name. */
export interface OutRule {
  readonly way: 'out';
  readonly protocol: Protocol;
  readonly listen: Endpoint;
  readonly to: Endpoint;
}

export type Rule = InRule | OutRule;

/** `6379:127.0.0.1:6379`, `53:127.0.0.1:5353/udp` */
export function parseInRule(text: string): InRule {
  const { parts, protocol } = split(text);
  if (parts.length !== 3) throw malformed('--in', text, 'VIRTUAL-PORT:HOST:PORT[/udp], e.g. 6379:127.0.0.1:6379');
  const [port, host, hostPort] = parts as [string, string, string];
  return { way: 'in', protocol, port: parsePort(port, text), to: { address: host, port: parsePort(hostPort, text) } };
}

/** `127.0.0.1:15432:db.alice.example:5432`; without an address it listens on 127.0.0.1. Port 0 takes a free one. */
export function parseOutRule(text: string): OutRule {
  const { parts, protocol } = split(text);
  if (parts.length === 3) parts.unshift('127.0.0.1');
  if (parts.length !== 4) {
    throw malformed(
      '--out',
      text,
      '[ADDRESS:]PORT:NAME:VIRTUAL-PORT[/udp], e.g. 127.0.0.1:15432:db.alice.example:5432',
    );
  }
  const [address, port, name, virtualPort] = parts as [string, string, string, string];
  return {
    way: 'out',
    protocol,
    listen: { address, port: parsePort(port, text, 0) },
    to: { address: name, port: parsePort(virtualPort, text) },
  };
}

/** As logs and counts name it. */
export function describeRule(rule: Rule): string {
  const at = rule.way === 'in' ? rule.port : formatEndpoint(rule.listen);
  return `${rule.way} ${at} -> ${formatEndpoint(rule.to)}${rule.protocol === 'udp' ? '/udp' : ''}`;
}

/** At colons, but for those of an IPv6 address, which stands in brackets. TCP, unless `/udp` follows. */
function split(rule: string): { parts: string[]; protocol: Protocol } {
  const protocol = rule.endsWith('/udp') ? 'udp' : 'tcp';
  const text = rule.replace(/\/(tcp|udp)$/, '');
  const parts = text.match(/\[[^\]]*\]|[^:]+/g) ?? [];
  if (parts.join(':') !== text) return { parts: [], protocol };
  return { parts: parts.map(plain), protocol };

  function plain(part: string): string {
    if (!part.startsWith('[')) return part;
    const address = part.slice(1, -1);
    if (!isIPv6(address)) throw new UsageError(`${part} in "${rule}" is not an IPv6 address`);
    return address;
  }
}

function parsePort(text: string, rule: string, least = 1): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < least || port > 65_535) {
    throw new UsageError(`${text} in "${rule}" is not a port: ${least} to 65535`);
  }
  return port;
}

function malformed(option: string, text: string, form: string): UsageError {
  return new UsageError(`${option} ${text}: wants ${form}`);
}
