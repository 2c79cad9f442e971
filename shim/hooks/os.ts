/** os.networkInterfaces(): the virtual interface beside the host's, once this node's addresses are known. */
import os, { type NetworkInterfaceInfo } from 'node:os';
import type { VirtualNetwork } from '../../core/virtual-network';
import { formatIp } from '../../core/wire/ip-text';
import type { Patches } from '../patch';

const NAME = 'ntm0';

export function hookOs(network: VirtualNetwork, patches: Patches): void {
  patches.replace(os, 'networkInterfaces', (networkInterfaces) => (): unknown => {
    const interfaces = networkInterfaces() as NodeJS.Dict<NetworkInterfaceInfo[]>;
    const own = network.addresses;
    if (own) interfaces[NAME] = [entry(own.ipv4, network), entry(own.ipv6, network)];
    return interfaces;
  });
}

function entry(address: string, network: VirtualNetwork): NetworkInterfaceInfo {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const bits = family === 'IPv6' ? 128 : 32;
  const prefix = network.prefixLengthOf(address) ?? bits;
  const mask = Uint8Array.from({ length: bits / 8 }, (_, i) => 0xff00 >> Math.min(8, Math.max(0, prefix - 8 * i)));
  const common = { address, netmask: formatIp(mask), mac: '00:00:00:00:00:00', internal: false };
  const cidr = `${address}/${prefix}`;
  return family === 'IPv6' ? { ...common, family, cidr, scopeid: 0 } : { ...common, family, cidr };
}
