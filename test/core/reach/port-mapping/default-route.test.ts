import assert from 'node:assert/strict';
import { defaultRoute4, defaultRoute6 } from '../../../../core/reach/port-mapping/default-route';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const row = (name: string, to: string, gateway: string, flags: string, metric: number, mask = '00000000'): string =>
  `${name}\t${to}\t${gateway}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;

describe('default route', () => {
  it('IPv4 table: read -> the router of the least metric', () => {
    const table =
      HEAD +
      row('wlan0', '00000000', '0100A8C0', '0003', 600) +
      row('eth0', '00000000', '0101A8C0', '0003', 100) +
      row('eth0', '0001A8C0', '00000000', '0001', 0, '00FFFFFF');
    assert.deepEqual(defaultRoute4(table, 'LE'), { interfaceName: 'eth0', address: '192.168.1.1' });
    assert.deepEqual(defaultRoute4(row('eth0', '00000000', 'C0A80101', '0003', 0), 'BE'), {
      ...{ interfaceName: 'eth0', address: '192.168.1.1' },
    });
  });

  it('IPv4 table: only routes without a router, down, or to somewhere -> none', () => {
    for (const line of [
      row('tun0', '00000000', '00000000', '0001', 0),
      row('eth0', '00000000', '0101A8C0', '0002', 0),
      row('eth0', '00000000', '0101A8C0', '0003', 0, '000000FF'),
      row('eth0', '00000000', 'nonsense', '0003', 0),
      '',
      '\n\n\t\t',
    ]) {
      assert.equal(defaultRoute4(HEAD + line, 'LE'), undefined, line);
    }
  });

  it('IPv6 table: read -> the router, a link-local one with its zone', () => {
    const zero = '0'.repeat(32);
    const line = (gateway: string, flags: string, metric: string): string =>
      `${zero} 00 ${zero} 00 ${gateway} ${metric} 00000001 00000000 ${flags}     eth0\n`;
    const linkLocal = line('fe800000000000000000000000000001', '00000003', '00000400');
    const unreachable = line(zero, '00200200', 'ffffffff');
    assert.deepEqual(defaultRoute6(unreachable + linkLocal), { interfaceName: 'eth0', address: 'fe80::1%eth0' });
    const global = line('20010db8000000000000000000000001', '00000003', '00000100');
    assert.deepEqual(defaultRoute6(linkLocal + global), { interfaceName: 'eth0', address: '2001:db8::1' });
    assert.equal(defaultRoute6(unreachable), undefined);
  });
});
