/** The default routes in Linux's tables (proc_pid_net(5)), as text to compare: where packets leave, and which go first. */

const RTF_UP = 1;
const RTF_REJECT = 0x200;

/** /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask ..., addresses in the host's byte order. */
export function defaultRoutes4(table: string): string[] {
  return rows(table).flatMap(([name, destination, gateway, flags = '', , , metric, mask]) =>
    /^0{8}$/.test(destination ?? '') && /^0{8}$/.test(mask ?? '') && isUsable(flags)
      ? [`${name} ${gateway} ${metric}`]
      : [],
  );
}

/** /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric, counts, flags, interface. */
export function defaultRoutes6(table: string): string[] {
  return rows(table).flatMap(([destination, length, , , gateway, metric, , , flags = '', name]) =>
    /^0{32}$/.test(destination ?? '') && length === '00' && name !== 'lo' && isUsable(flags)
      ? [`${name} ${gateway} ${metric}`]
      : [],
  );
}

/** By how many of its interfaces this host sends to the Internet, or would. `routes`: both versions', joined by ', '. */
export function interfacesOut(routes: string): number {
  const names = routes.split(', ').map((route) => route.split(' ')[0]);
  return new Set(names.filter((name) => name !== '')).size;
}

function rows(table: string): string[][] {
  return table.split('\n').map((line) => line.trim().split(/\s+/));
}

function isUsable(hexFlags: string): boolean {
  return (Number.parseInt(hexFlags, 16) & (RTF_UP | RTF_REJECT)) === RTF_UP;
}
