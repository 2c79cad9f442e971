/**
 * The public internet of the lab: one router (namespace `internet`) with a line to everybody, each a network of its
 * own, without delay unless it is asked for. It has no route to private addresses, and says so by ICMP.
 *
 *   line n   203.0.113.4n/30 (or another network's) and 2001:db8:n::/64: the router has the first address, the
 *            customer the second
 *   observers 192.0.2.1 and 192.0.2.2, on the router itself: for those who want to see how a NAT behaves (RFC 5780)
 */
import { DelayLines } from './delay-lines';
import type { CableEnd, Lease, Namespaces } from './namespaces';

export type Family = 4 | 6;

export interface LineOptions {
  /** One way. */
  readonly delayMs?: number;
  /** Of the line, not of what is in front of it. */
  readonly mtu?: number;
  /** The first three numbers of its IPv4 addresses; default: a network for documentation. */
  readonly network?: string | undefined;
}

/** As its customer sees it. */
export interface Line {
  readonly number: number;
  readonly addresses: Record<Family, string>;
  readonly leases: readonly Lease[];
}

export const OBSERVERS = ['192.0.2.1', '192.0.2.2'] as const;
export const INTERNET = 'internet';
/** RFC 5737. */
const DOCUMENTATION = '203.0.113';
/** Lines that a network has room for. */
const LINES_LIMIT = 64;
const LENGTHS: Record<Family, number> = { 4: 30, 6: 64 };

export class Internet {
  private lines = 0;
  private readonly delays: DelayLines;

  constructor(private readonly namespaces: Namespaces) {
    namespaces.add(INTERNET, ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    for (const address of OBSERVERS) namespaces.address(INTERNET, 'lo', `${address}/32`);
    namespaces.nft(INTERNET, SILENCE);
    this.delays = new DelayLines(namespaces);
  }

  /** Plugs in a customer, who gets an address of each of these families. */
  connect(end: CableEnd, families: readonly Family[], options: LineOptions = {}): Line {
    const line = this.plugIn(end, families, options);
    this.namespaces.lease(end, line.leases);
    return line;
  }

  /** Plugs in a customer, who has yet to take what is leased there. */
  plugIn(end: CableEnd, families: readonly Family[], options: LineOptions = {}): Line {
    const { delayMs = 0, mtu, network = DOCUMENTATION } = options;
    const number = ++this.lines;
    if (number >= LINES_LIMIT) throw new Error('the internet of the lab has no more lines');
    const router: CableEnd = [INTERNET, `line${number}`];
    if (delayMs === 0) this.namespaces.cable(end, router, mtu);
    else this.delays.cable(end, router, delayMs, mtu);
    const addresses = { 4: `${network}.${number * 4 + 2}`, 6: `2001:db8:${number}::2` };
    const routers = { 4: `${network}.${number * 4 + 1}`, 6: `2001:db8:${number}::1` };
    const leases = families.map((family) => {
      this.namespaces.address(...router, `${routers[family]}/${LENGTHS[family]}`);
      return { address: `${addresses[family]}/${LENGTHS[family]}`, router: routers[family] };
    });
    return { number, addresses, leases };
  }

  /** Resolves once the lines that delay carry what is sent. */
  async ready(): Promise<void> {
    await this.delays.ready();
  }

  /** Whatever this line carries is lost from now on, or no longer, and nobody is told. */
  silence({ number }: Line, silent: boolean): void {
    this.namespaces.nft(INTERNET, `${silent ? 'add' : 'delete'} element inet silence lines { line${number} }`);
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

  async close(): Promise<void> {
    await this.delays.close();
  }
}

const SILENCE = `
  table inet silence {
    set lines { type ifname; }
    chain in { type filter hook prerouting priority -400; iifname @lines drop; }
    chain out { type filter hook postrouting priority 400; oifname @lines drop; }
  }`;
