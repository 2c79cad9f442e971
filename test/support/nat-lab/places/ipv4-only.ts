import type { Place } from '../place';

export const ipv4Only: Place = {
  name: 'ipv4-only',
  about: 'a public IPv4 address, and no IPv6 in the host at all',
  families: [4],
  settings: ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'],
};
