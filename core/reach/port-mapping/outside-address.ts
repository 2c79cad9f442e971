/** Which addresses can be reached from everywhere, as far as the address alone can tell. */
import { BlockList } from 'node:net';

/**
 * RFC 6890, without the networks for documentation (RFC 5737, RFC 3849), which no host has but in labs, where they
 * stand for the Internet.
 */
const INSIDE = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3'],
];

const inside = new BlockList();
for (const network of INSIDE) {
  const [address = '', length] = network.split('/');
  inside.addSubnet(address, Number(length), 'ipv4');
}
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

export function isOutsideAddress(address: string, family: 4 | 6): boolean {
  return family === 4 ? !inside.check(address, 'ipv4') : globalUnicast.check(address, 'ipv6');
}
