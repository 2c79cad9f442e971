import type { Place } from '../place';

export const ipv6Only: Place = { name: 'ipv6-only', about: 'a public IPv6 address, and no IPv4', families: [6] };
