/**
 * The public internet of the lab: one router (namespace `internet`) with a line to everybody, each a network of its
 * own, without delay. It has no route to private addresses, and says so by ICMP.
 *
 *   line n   203.0.113.4n/30 (or another network's) and 2001:db8:n::/64: the router has the first address, the
 *            customer the second
 *   observers 192.0.2.1 and 192.0.2.2, on the router itself: for those who want to see how a NAT behaves (RFC 5780)
 */
import type { CableEnd, Namespaces } from './namespaces';

export type Family = 4 | 6;

export const OBSERVERS = ['192.0.2.1', '192.0.2.2'] as const;
export const INTERNET = 'internet';
/** RFC 5737. */
const DOCUMENTATION = '203.0.113';
/** Lines that a network has room for. */
const LINES_LIMIT = 64;

export class Internet {
  private lines = 0;

  constructor(private readonly namespaces: Namespaces) {
    namespaces.add(INTERNET, ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    for (const address of OBSERVERS) namespaces.address(INTERNET, 'lo', `${address}/32`);
  }

  /** Plugs in a customer, who gets an address of each of these families. */
  connect(
    [namespace, device]: CableEnd,
    families: readonly Family[],
    network: string = DOCUMENTATION,
  ): Record<Family, string> {
    const line = ++this.lines;
    if (line >= LINES_LIMIT) throw new Error('the internet of the lab has no more lines');
    this.namespaces.cable([namespace, device], [INTERNET, `line${line}`]);
    const addresses = { 4: `${network}.${line * 4 + 2}`, 6: `2001:db8:${line}::2` };
    const router = { 4: `${network}.${line * 4 + 1}`, 6: `2001:db8:${line}::1` };
    for (const family of families) {
      const length = family === 4 ? 30 : 64;
      this.namespaces.address(INTERNET, `line${line}`, `${router[family]}/${length}`);
      this.namespaces.address(namespace, device, `${addresses[family]}/${length}`);
      this.namespaces.route(namespace, 'default', router[family]);
    }
    return addresses;
  }

  /** A cable that was unplugged and plugged in again, with the IPv4 address that it had. */
  reconnect([namespace, device]: CableEnd, address: string): void {
    this.namespaces.ip(namespace, 'link', 'set', device, 'up');
    this.namespaces.address(namespace, device, `${address}/30`);
    this.namespaces.route(
      namespace,
      'default',
      address.replace(/\d+$/, (last) => `${Number(last) - 1}`),
    );
  }
}
