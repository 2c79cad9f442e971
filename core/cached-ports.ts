/**
 * NTMOBILE_CACHE: the UDP ports whose datagrams are stored for nodes that are away, and taken from the cache.
 *
 *   ports = range *("," range)       range = port ["-" port]       port: 1 to 65535
 */
import { NtmError } from './errors';

export interface CachedPorts {
  has(port: number): boolean;
}

/** Throws NtmError NTM_CONFIG that names what cannot be read. */
export function parseCachedPorts(setting: string | readonly (string | number)[]): CachedPorts {
  const texts = typeof setting === 'string' ? setting.split(',') : setting.map(String);
  const ranges = texts.map((text) => text.trim()).filter(Boolean);
  const parsed = ranges.map((text) => {
    const [, first, last] = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text) ?? [];
    const range = { first: Number(first), last: Number(last ?? first) };
    if (first !== undefined && range.last <= 65_535 && range.first <= range.last) return range;
    throw new NtmError('NTM_CONFIG', `NTMOBILE_CACHE \`${text}\` is no port; expected is e.g. \`5683,9000-9010\``);
  });
  return { has: (port) => parsed.some(({ first, last }) => port >= first && port <= last) };
}
