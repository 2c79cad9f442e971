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
  /** By the last four bytes of each address, in which the nodes of one network differ. */
  private readonly byAddress = new Map<number, Row[]>();
  /** Packets come in trains: most go where the last one went. */
  private last: Row | undefined;

  /** An address leads to one tunnel: those that had this one's addresses are given back, to be closed. */
  add(tunnel: Tunnel): Tunnel[] {
    const { ipv4, ipv6 } = tunnel.virtualAddresses;
    const row = { tunnel, ipv4: parseIp(ipv4)!, ipv6: parseIp(ipv6)! }; // the wire's schema has checked them
    const replaced = [row.ipv4, row.ipv6].flatMap((address) => this.find(address, 0, address.length)?.tunnel ?? []);
    for (const old of replaced) this.remove(old);
    this.byKey.set(hex(tunnel.publicKey), row);
    for (const address of [row.ipv4, row.ipv6]) {
      const suffix = suffixOf(address, 0, address.length);
      this.byAddress.set(suffix, [...(this.byAddress.get(suffix) ?? []), row]);
    }
    return replaced;
  }

  remove(tunnel: Tunnel): void {
    const row = this.byKey.get(hex(tunnel.publicKey));
    if (!row) return;
    this.byKey.delete(hex(tunnel.publicKey));
    for (const address of [row.ipv4, row.ipv6]) {
      const suffix = suffixOf(address, 0, address.length);
      const others = this.byAddress.get(suffix)?.filter((other) => other !== row) ?? [];
      if (others.length > 0) this.byAddress.set(suffix, others);
      else this.byAddress.delete(suffix);
    }
    if (this.last === row) this.last = undefined;
  }

  withKey(publicKey: Uint8Array): Tunnel | undefined {
    return this.byKey.get(hex(publicKey))?.tunnel;
  }

  /** An address in network byte order, 4 or 16 bytes, at `offset` of `bytes`. */
  toAddress(bytes: Uint8Array, offset = 0, length = bytes.length): Tunnel | undefined {
    if (this.last && isAddressOf(this.last, bytes, offset, length)) return this.last.tunnel;
    const row = this.find(bytes, offset, length);
    if (row) this.last = row;
    return row?.tunnel;
  }

  [Symbol.iterator](): IterableIterator<Tunnel> {
    return [...this.byKey.values()].map(({ tunnel }) => tunnel).values();
  }

  private find(bytes: Uint8Array, offset: number, length: number): Row | undefined {
    const rows = this.byAddress.get(suffixOf(bytes, offset, length));
    return rows?.find((row) => isAddressOf(row, bytes, offset, length));
  }
}

function suffixOf(bytes: Uint8Array, offset: number, length: number): number {
  const end = offset + length;
  return (bytes[end - 4]! << 24) | (bytes[end - 3]! << 16) | (bytes[end - 2]! << 8) | bytes[end - 1]!;
}

function isAddressOf(row: Row, bytes: Uint8Array, offset: number, length: number): boolean {
  const own = length === 4 ? row.ipv4 : row.ipv6;
  for (let i = 0; i < own.length; i++) if (own[i] !== bytes[offset + i]) return false;
  return true;
}
