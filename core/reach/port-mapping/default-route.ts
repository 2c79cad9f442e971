/** Linux's routing tables as procfs shows them (proc_pid_net(5)): which router is the default one. */
import { endianness } from 'node:os';
import { formatIp } from '../../wire/ip-text';

export interface DefaultRoute {
  readonly address: string;
  readonly interfaceName: string;
}

const RTF_UP = 1;
const RTF_GATEWAY = 2;
const RTF_REJECT = 0x200;
/** Bytes of a table that are looked at: a router with the Internet's routes is not one of ours. */
export const ROUTES_LIMIT_BYTES = 256 << 10;

interface Found extends DefaultRoute {
  readonly metric: number;
}

/** /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask ..., numbers in the host's byte order. */
export function defaultRoute4(table: string, order = endianness()): DefaultRoute | undefined {
  return best(
    lines(table).flatMap(([interfaceName = '', destination, gateway = '', flags = '', , , metric, mask]) => {
      if (Number.parseInt(destination ?? '', 16) !== 0 || Number.parseInt(mask ?? '', 16) !== 0) return [];
      if (!isUsable(flags) || !/^[\da-f]{8}$/i.test(gateway)) return [];
      const bytes = Buffer.from(gateway, 'hex');
      if (order === 'LE') bytes.reverse();
      return [{ interfaceName, address: formatIp(bytes), metric: Number(metric) }];
    }),
  );
}

/** /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric, counts, flags, interface. */
export function defaultRoute6(table: string): DefaultRoute | undefined {
  return best(
    lines(table).flatMap(([destination = '', length, , , gateway = '', metric = '', , , flags = '', interfaceName]) => {
      if (!/^0{32}$/.test(destination) || length !== '00' || interfaceName === undefined) return [];
      if (!isUsable(flags) || !/^[\da-f]{32}$/i.test(gateway)) return [];
      const bytes = Buffer.from(gateway, 'hex');
      const isLinkLocal = bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
      const address = formatIp(bytes) + (isLinkLocal ? `%${interfaceName}` : '');
      return [{ interfaceName, address, metric: Number.parseInt(metric, 16) }];
    }),
  );
}

function lines(table: string): string[][] {
  return table.split('\n').map((line) => line.trim().split(/\s+/));
}

function isUsable(hexFlags: string): boolean {
  const flags = Number.parseInt(hexFlags, 16);
  return (flags & (RTF_UP | RTF_GATEWAY | RTF_REJECT)) === (RTF_UP | RTF_GATEWAY);
}

function best(found: readonly Found[]): DefaultRoute | undefined {
  const first = [...found].sort((a, b) => a.metric - b.metric)[0];
  return first && { address: first.address, interfaceName: first.interfaceName };
}
