/**
 * The blocks of virtual addresses that the AS gives to DCs, so that no two DCs collide: DC n of 16 has the n-th /19 of
 * 198.18.0.0/15 (the benchmarking block of RFC 2544, which no network routes) and subnet n + 1 of the network's
 * own /48 of unique local addresses (RFC 4193).
 */
import { BlockList, isIPv6 } from 'node:net';
import type { Random } from '../../core/runtime';
import type { Coordinator } from '../store/store';

export const IPV4_NETWORK = '198.18.0.0/15';
const BLOCK_LENGTH = 19;
const BLOCKS = 2 ** (BLOCK_LENGTH - 15);
/** RFC 4193 section 3.2: 40 random bits after fd. */
const GLOBAL_ID_LENGTH = 5;

export function randomGlobalId(random: Random): Uint8Array {
  return random.bytes(GLOBAL_ID_LENGTH);
}

/** The network's IPv6 prefix without its end, e.g. `fd12:3456:789a`. */
function ulaStart(globalId: Uint8Array): string {
  const hexText = `fd${Buffer.from(globalId).toString('hex')}`;
  return (hexText.match(/.{4}/g) ?? []).map((group) => parseInt(group, 16).toString(16)).join(':');
}

export function ulaNetwork(globalId: Uint8Array): string {
  return `${ulaStart(globalId)}::/48`;
}

/** `undefined` when every block is given away. */
export function freeBlocks(
  globalId: Uint8Array,
  taken: readonly Coordinator[],
): Pick<Coordinator, 'ipv4Block' | 'ipv6Prefix'> | undefined {
  for (let n = 0; n < BLOCKS; n++) {
    const start = n << (32 - BLOCK_LENGTH); // within the /15
    const ipv4Block = `198.${18 + (start >> 16)}.${(start >> 8) & 0xff}.0/${BLOCK_LENGTH}`;
    const ipv6Prefix = `${ulaStart(globalId)}:${(n + 1).toString(16)}::/64`;
    if (!taken.some((c) => c.ipv4Block === ipv4Block || c.ipv6Prefix === ipv6Prefix)) return { ipv4Block, ipv6Prefix };
  }
  return undefined;
}

/** `block`: CIDR. */
export function isInBlock(address: string, block: string): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const [start = '', length] = block.split('/');
  if (isIPv6(start) !== isIPv6(address)) return false;
  const list = new BlockList();
  list.addSubnet(start, Number(length), family);
  return list.check(address, family);
}
