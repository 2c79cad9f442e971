import type { Place } from '../place';

export const firewalled: Place = {
  name: 'firewalled',
  about: 'a public IPv4 address, and a firewall on the host that lets in only what it began',
  families: [4],
  firewall: `
    table inet firewall {
      chain in {
        type filter hook input priority 0; policy drop
        iifname "lo" accept
        ct state established,related accept
      }
    }`,
};
