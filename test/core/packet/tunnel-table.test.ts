import assert from 'node:assert/strict';
import { TunnelTable } from '../../../core/packet/tunnel-table';
import type { Tunnel } from '../../../core/packet/wireguard/tunnel';
import { type VirtualAddresses } from '../../../core/wire/addresses';
import { parseIp } from '../../../core/wire/ip-text';

function tunnel(key: number, virtualAddresses: VirtualAddresses): Tunnel {
  return { publicKey: new Uint8Array(32).fill(key), virtualAddresses } as unknown as Tunnel;
}

describe('tunnel table', () => {
  const addresses = { ipv4: '198.18.0.1', ipv6: 'fd00::1' };
  const others = { ipv4: '198.18.0.2', ipv6: 'fd00::2' };
  const to = (table: TunnelTable, address: string): Tunnel | undefined => table.toAddress(parseIp(address)!);

  it('two tunnels: looked up by each address, in turns -> the right one; none for a stranger', () => {
    const table = new TunnelTable();
    const [a, b] = [tunnel(1, addresses), tunnel(2, others)];
    table.add(a);
    table.add(b);
    for (let i = 0; i < 2; i++) {
      for (const address of Object.values(addresses)) assert.equal(to(table, address), a);
      for (const address of Object.values(others)) assert.equal(to(table, address), b);
    }
    assert.equal(to(table, '198.18.0.3'), undefined);
    assert.equal(to(table, 'fd00::3'), undefined);
    assert.equal(table.withKey(b.publicKey), b);
  });

  it('addresses that end alike -> each leads to its own tunnel, also when another is removed', () => {
    const table = new TunnelTable();
    const a = tunnel(1, { ipv4: '198.18.0.1', ipv6: 'fd00::c612:2' });
    const b = tunnel(2, { ipv4: '198.18.0.2', ipv6: 'fd01::c612:2' });
    const c = tunnel(3, { ipv4: '198.18.0.3', ipv6: 'fd02::c612:3' });
    for (const added of [a, b, c]) assert.deepEqual(table.add(added), []);
    for (const each of [a, b, c]) {
      for (const address of Object.values(each.virtualAddresses)) assert.equal(to(table, address), each, address);
    }
    assert.equal(to(table, 'fd03::c612:2'), undefined);
    table.remove(a);
    assert.equal(to(table, 'fd00::c612:2'), undefined);
    assert.equal(to(table, 'fd01::c612:2'), b);
    table.remove(c);
    assert.equal(to(table, '198.18.0.3'), undefined);
  });

  it('an address inside a packet -> as by itself', () => {
    const table = new TunnelTable();
    const only = tunnel(1, addresses);
    table.add(only);
    for (let i = 0; i < 2; i++) {
      const packet = Uint8Array.of(9, 9, ...parseIp(addresses.ipv6)!, ...parseIp(addresses.ipv4)!, 9);
      assert.equal(table.toAddress(packet, 2, 16), only);
      assert.equal(table.toAddress(packet, 18, 4), only);
      assert.equal(table.toAddress(packet, 1, 16), undefined);
      assert.equal(table.toAddress(packet, 17, 4), undefined);
    }
  });

  it('a tunnel was just used: another takes over its addresses -> packets go to the new one at once', () => {
    const table = new TunnelTable();
    const [old, renewed] = [tunnel(1, addresses), tunnel(2, addresses)];
    table.add(old);
    assert.equal(to(table, addresses.ipv4), old);
    table.add(renewed);
    assert.equal(to(table, addresses.ipv4), renewed);
    table.remove(old);
    assert.equal(to(table, addresses.ipv6), renewed);
    assert.deepEqual([...table], [renewed]);
  });

  it('a tunnel was just used: removed -> gone under key and addresses', () => {
    const table = new TunnelTable();
    const only = tunnel(1, addresses);
    table.add(only);
    assert.equal(to(table, addresses.ipv6), only);
    for (const tunnelToRemove of table) table.remove(tunnelToRemove);
    table.remove(only);
    assert.equal(to(table, addresses.ipv6), undefined);
    assert.equal(table.withKey(only.publicKey), undefined);
  });
});
