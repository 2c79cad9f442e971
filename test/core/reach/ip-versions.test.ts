import assert from 'node:assert/strict';
import { mayReach } from '../../../core/reach/ip-versions';
import type { Runtime } from '../../../core/runtime';

const host = (...addresses: readonly string[]): Pick<Runtime, 'hostAddresses'> => ({
  hostAddresses: () =>
    addresses.map((address) => ({
      interfaceName: 'eth0',
      family: address.includes(':') ? 6 : 4,
      address,
      loopback: address === '127.0.0.1' || address === '::1',
    })),
});
const [ipv4, ipv6] = ['192.0.2.1', '2001:db8::1'].map((address) => ({ address, port: 4_503 })) as [
  { address: string; port: number },
  { address: string; port: number },
];
const reaches = (addresses: readonly string[]): boolean[] => [ipv4, ipv6].map((to) => mayReach(to, host(...addresses)));

describe('IP versions of a host', () => {
  it('IPv6 alone, and 127.0.0.1: an endpoint of each version -> the one of IPv6 may be reached', () => {
    assert.deepEqual(reaches(['127.0.0.1', '::1', '2001:db8::2']), [false, true]);
  });

  it('IPv4 alone: an endpoint of each version -> the one of IPv4 may be reached', () => {
    assert.deepEqual(reaches(['127.0.0.1', '198.51.100.1']), [true, false]);
  });

  it('no network now: an endpoint of each version -> both, for one may come', () => {
    assert.deepEqual(reaches(['127.0.0.1']), [true, true]);
  });

  it('IPv6 alone: an endpoint on loopback -> may be reached', () => {
    assert.equal(mayReach({ address: '127.0.0.1', port: 1 }, host('2001:db8::2')), true);
  });
});
