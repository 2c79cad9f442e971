/**
 * The blocks of virtual addresses that the AS gives to DCs, so that no two DCs collide: a part of 198.18.0.0/15 (the
 * benchmarking block of RFC 2544, which no network routes), a sixteenth unless a DC is for more nodes, and a subnet of
 * the network's own /48 of unique local addresses (RFC 4193), numbered by the sixteenth that the part starts with.
 */
import { BlockList, isIPv6 } from 'node:net';
import type { Random } from '../../core/runtime';
import type { Blocks, CoordinatorStore } from '../store/store';

export const IPV4_NETWORK = '198.18.0.0/15';
const NETWORK_SIZE = 2 ** 17;
/** 8,190 nodes, for the first and the last address of a block are left out. */
const LEAST_SIZE = 2 ** 13;
export const MOST_NODES = NETWORK_SIZE - 2;

/** RFC 4193 section 3.2: 40 random bits after fd. */
const GLOBAL_ID_LENGTH = 5;

export type AddressBlocks = Omit<Blocks, 'zone'>;

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

/**
 * Those that a zone has or had, or else some that no zone ever had, or else those of a zone that is gone: its DC would
 * give its addresses again if it came back. For so many nodes. `undefined` when there is no room for them.
 */
export async function blocksFor(
  zone: string,
  globalId: Uint8Array,
  store: CoordinatorStore,
  nodes = 1,
): Promise<AddressBlocks | undefined> {
  const given = await store.blocks();
  const own = given.find((each) => each.zone === zone);
  const inUse = (await store.list()).filter((each) => each.zone !== zone);
  if (own && !inUse.some(({ ipv4Block }) => overlap(ipv4Block, own.ipv4Block))) {
    return { ipv4Block: own.ipv4Block, ipv6Prefix: own.ipv6Prefix };
  }
  return freeBlocks(globalId, given, nodes) ?? freeBlocks(globalId, inUse, nodes);
}

/** For so many nodes. `undefined` when there is no room for them. */
export function freeBlocks(globalId: Uint8Array, taken: readonly Blocks[], nodes = 1): AddressBlocks | undefined {
  let size = LEAST_SIZE;
  while (size < nodes + 2) size *= 2;
  for (let start = 0; start + size <= NETWORK_SIZE; start += size) {
    const ipv4Block = `198.${18 + (start >> 16)}.${(start >> 8) & 0xff}.0/${32 - Math.log2(size)}`;
    const ipv6Prefix = `${ulaStart(globalId)}:${(start / LEAST_SIZE + 1).toString(16)}::/64`;
    if (!taken.some((c) => c.ipv6Prefix === ipv6Prefix || overlap(c.ipv4Block, ipv4Block))) {
      return { ipv4Block, ipv6Prefix };
    }
  }
  return undefined;
}

/** Blocks are as large as powers of two, and begin at multiples of that. */
function overlap(one: string, other: string): boolean {
  return isInBlock(other.split('/')[0]!, one) || isInBlock(one.split('/')[0]!, other);
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
