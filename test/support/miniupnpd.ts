/** Settings of Debian's miniupnpd, as both labs have it on a router whose inside is the interface `inside`. */
interface Router {
  /** Interface. */
  readonly outside: string;
  /** Of nftables, with the chains `mapped`, `mapped_in` and `mapped_out`, which miniupnpd fills. */
  readonly table: string;
  /** Who may ask for ports. */
  readonly network: string;
  readonly ipv6?: boolean;
}

export function miniupnpdSettings({ outside, table, network, ipv6 = false }: Router): string {
  return [
    `ext_ifname=${outside}`,
    ...(ipv6 ? [`ext_ifname6=${outside}`] : []),
    'listening_ip=inside',
    `upnp_table_name=${table}`,
    `upnp_nat_table_name=${table}`,
    'upnp_forward_chain=mapped',
    'upnp_nat_chain=mapped_in',
    'upnp_nat_postrouting_chain=mapped_out',
    'enable_natpmp=yes',
    'enable_upnp=yes',
    'secure_mode=yes',
    'uuid=fc4ec57e-b051-11db-88f8-0060085db3f6',
    `allow 1024-65535 ${network} 1024-65535`,
    'deny 0-65535 0.0.0.0/0 0-65535',
    '',
  ].join('\n');
}
