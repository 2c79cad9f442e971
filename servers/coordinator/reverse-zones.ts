/**
 * Names of virtual addresses (RFC 1035 section 3.5, RFC 3596 section 2.5). A zone of reverse names begins where a label
 * does, so a block is as many zones as it has octets: 32 zones of 256 addresses for a /19.
 *
 *   198.18.32.0/19       32.18.198.in-addr.arpa to 63.18.198.in-addr.arpa
 *   198.18.0.0/15        18.198.in-addr.arpa and 19.198.in-addr.arpa
 *   fd12:3456:789a:1::   1.0.0.0.a.9.8.7.6.5.4.3.2.1.d.f.ip6.arpa
 *
 * Blocks smaller than 256 addresses have none: whoever has the other addresses of the zone would have to delegate
 * single names (RFC 2317).
 */
import { parseIp } from '../../core/wire/ip-text';
import { labelsBelow } from '../names';
import type { AddressPool, PoolOptions } from './address-pool';
import type { Records, Zone } from './zone';

type Common = Pick<Zone, 'serial' | 'nameServers' | 'hostmaster'>;

export function reverseZones({ ipv4Block, ipv6Prefix }: PoolOptions, pool: AddressPool, common: Common): Zone[] {
  return [...ipv4Zones(ipv4Block, pool, common), ipv6Zone(ipv6Prefix, pool, common)];
}

function ipv4Zones(block: string, pool: AddressPool, common: Common): Zone[] {
  const [start = '', length] = block.split('/');
  const octets = Math.ceil(Number(length) / 8);
  if (octets < 1 || octets > 3) return [];
  const first = parseIp(start)!.slice(0, octets);
  return Array.from({ length: 2 ** (octets * 8 - Number(length)) }, (_, i): Zone => {
    const head = [...first.slice(0, -1), first[octets - 1]! + i];
    const name = `${[...head].reverse().join('.')}.in-addr.arpa`;
    const find = async (fqdn: string): Promise<Records | 'none' | undefined> => {
      const labels = labelsBelow(name, fqdn) ?? [];
      if (labels.length > 4 - octets || !labels.every(isOctet)) return undefined;
      if (labels.length < 4 - octets) return 'none';
      return pointer(await pool.nameOf([...head, ...[...labels].reverse()].join('.')));
    };
    return { ...common, name, find };
  });
}

function ipv6Zone(prefix: string, pool: AddressPool, common: Common): Zone {
  const nibbles = Buffer.from(parseIp(prefix.replace(/\/64$/, ''))!)
    .toString('hex')
    .slice(0, 16);
  const name = `${[...nibbles].reverse().join('.')}.ip6.arpa`;
  const find = async (fqdn: string): Promise<Records | 'none' | undefined> => {
    const labels = labelsBelow(name, fqdn) ?? [];
    if (labels.length > 16 || !labels.every((label) => /^[0-9a-f]$/.test(label))) return undefined;
    const head = [...labels].reverse().join('');
    const number = Number.parseInt(head, 16);
    if (labels.length === 16) return pointer(number <= pool.last ? await pool.nameOfNumber(number) : undefined);
    // Resolvers ask label by label (RFC 9156): "no data" where there may be a name below, else they go no further.
    return number * 16 ** (16 - labels.length) <= pool.last ? 'none' : undefined;
  };
  return { ...common, name, find };
}

function pointer(fqdn: string | undefined): Records | undefined {
  return fqdn === undefined ? undefined : { ipv4: [], ipv6: [], pointer: fqdn };
}

function isOctet(label: string): boolean {
  return /^(0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256;
}
