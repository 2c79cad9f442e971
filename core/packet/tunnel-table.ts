/** The tunnel table (paper 3.3): which tunnel carries packets to which virtual address, and who may send from which. */
import { parseIp } from '../wire/ip-text';
import type { Tunnel } from './wireguard/tunnel';
import { hex } from '../wire/keys';

interface Row {
  readonly tunnel: Tunnel;
  readonly ipv4: Uint8Array;
  readonly ipv6: Uint8Array;
}

export class TunnelTable {
  private readonly byKey = new Map<string, Row>();
  private readonly byAddress = new Map<string, Row>();
  /** Packets come in trains: most go where the last one went. */
  private last: Row | undefined;

  /** An address leads to one tunnel: those that had this one's addresses are given back, to be closed. */
  add(tunnel: Tunnel): Tunnel[] {
    const { ipv4, ipv6 } = tunnel.virtualAddresses;
    const row = { tunnel, ipv4: parseIp(ipv4)!, ipv6: parseIp(ipv6)! }; // the wire's schema has checked them
    const replaced = [row.ipv4, row.ipv6].flatMap((address) => this.byAddress.get(hex(address))?.tunnel ?? []);
    for (const old of replaced) this.remove(old);
    this.byKey.set(hex(tunnel.publicKey), row);
    this.byAddress.set(hex(row.ipv4), row);
    this.byAddress.set(hex(row.ipv6), row);
    this.last = undefined; // it may have had one of these addresses
    return replaced;
  }

  remove(tunnel: Tunnel): void {
    const row = this.byKey.get(hex(tunnel.publicKey));
    if (!row) return;
    this.byKey.delete(hex(tunnel.publicKey));
    for (const address of [hex(row.ipv4), hex(row.ipv6)]) {
      if (this.byAddress.get(address) === row) this.byAddress.delete(address);
    }
    if (this.last === row) this.last = undefined;
  }

  withKey(publicKey: Uint8Array): Tunnel | undefined {
    return this.byKey.get(hex(publicKey))?.tunnel;
  }

  /** `address` in network byte order, 4 or 16 bytes. */
  toAddress(address: Uint8Array): Tunnel | undefined {
    if (this.last && isAddressOf(this.last, address)) return this.last.tunnel;
    const row = this.byAddress.get(hex(address));
    if (row) this.last = row;
    return row?.tunnel;
  }

  [Symbol.iterator](): IterableIterator<Tunnel> {
    return [...this.byKey.values()].map(({ tunnel }) => tunnel).values();
  }
}

function isAddressOf(row: Row, address: Uint8Array): boolean {
  const own = address.length === 4 ? row.ipv4 : row.ipv6;
  for (let i = 0; i < own.length; i++) if (own[i] !== address[i]) return false;
  return true;
}
