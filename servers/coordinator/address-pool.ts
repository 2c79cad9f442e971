/**
 * The virtual addresses of a DC's nodes (paper 2.2). A node has one number n, and from it both addresses:
 * n above the start of the DC's IPv4 block, and n as the interface id in the DC's /64. Numbers are kept for ever
 * in the store, so no two names ever have the same address.
 */
import { isIPv4 } from 'node:net';
import type { VirtualAddresses } from '../../core/wire/addresses';
import type { AssignmentStore } from '../store/store';

export interface PoolOptions {
  readonly zone: string;
  /** CIDR, e.g. 198.18.0.0/19. */
  readonly ipv4Block: string;
  /** CIDR with four groups, e.g. fd12:3456:789a:1::/64. */
  readonly ipv6Prefix: string;
}

export class AddressPool {
  private readonly ipv4Start: number;
  /** The last number; the block's last address is left out, as are networks' broadcast addresses. */
  readonly last: number;
  private readonly ipv6Start: string;

  constructor(
    private readonly options: PoolOptions,
    private readonly assignments: AssignmentStore,
  ) {
    const [start, length] = options.ipv4Block.split('/');
    this.ipv4Start = parseIpv4(start ?? '');
    this.last = 2 ** (32 - Number(length)) - 2;
    this.ipv6Start = options.ipv6Prefix.replace(/::\/64$/, '::');
  }

  /** The node's addresses, from the first call on. `undefined` when the pool is used up. */
  async assign(fqdn: string): Promise<VirtualAddresses | undefined> {
    return this.addresses(await this.assignments.assign(this.options.zone, fqdn, this.last));
  }

  /** `undefined` for a name that never had addresses. */
  async find(fqdn: string): Promise<VirtualAddresses | undefined> {
    return this.addresses(await this.assignments.find(this.options.zone, fqdn));
  }

  /** Whose address this is. */
  async nameOf(address: string): Promise<string | undefined> {
    const number = this.numberOf(address);
    return number === undefined ? undefined : this.nameOfNumber(number);
  }

  async nameOfNumber(number: number): Promise<string | undefined> {
    return this.assignments.nameOf(this.options.zone, number);
  }

  /** Whether an address is of this pool, given to somebody or not. */
  holds(address: string): boolean {
    return this.numberOf(address) !== undefined;
  }

  private numberOf(address: string): number | undefined {
    const number = isIPv4(address) ? parseIpv4(address) - this.ipv4Start : this.interfaceId(address);
    return number === undefined || number < 1 || number > this.last ? undefined : number;
  }

  private addresses(number: number | undefined): VirtualAddresses | undefined {
    if (number === undefined) return undefined;
    return { ipv4: formatIpv4(this.ipv4Start + number), ipv6: `${this.ipv6Start}${formatGroups(number)}` };
  }

  private interfaceId(address: string): number | undefined {
    if (!address.toLowerCase().startsWith(this.ipv6Start)) return undefined;
    const rest = address.slice(this.ipv6Start.length);
    const [, high = '0', low = ''] = /^(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})$/i.exec(rest) ?? [];
    return low === '' ? undefined : parseInt(high, 16) * 0x1_0000 + parseInt(low, 16);
  }
}

function parseIpv4(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}

function formatIpv4(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.');
}

/** The end of an IPv6 address: a block of more than 65,535 addresses needs two groups. */
function formatGroups(number: number): string {
  const [high, low] = [Math.floor(number / 0x1_0000), number % 0x1_0000].map((group) => group.toString(16));
  return high === '0' ? low! : `${high}:${low}`;
}
