/**
 * The shared key of each pair of nodes that was introduced. Remembered for a while, so that two directions at once,
 * MN to CN and CN to MN, introduce with the same key.
 */
import type { Clock, Random } from '../../core/runtime';
import { KEY_LENGTH } from '../../core/wire/key-length';
import { hex } from '../../core/wire/keys';
import { BoundedMap } from '../bounded-map';

const PAIRS_LIMIT = 65_536;
const PAIR_AGE_MS = 3_600_000;

export class Introductions {
  private readonly keys: BoundedMap<string, Uint8Array>;

  constructor(
    clock: Clock,
    private readonly random: Random,
  ) {
    this.keys = new BoundedMap(clock, PAIRS_LIMIT, PAIR_AGE_MS);
  }

  presharedKey(onePublicKey: Uint8Array, otherPublicKey: Uint8Array): Uint8Array {
    const isFirst = Buffer.compare(onePublicKey, otherPublicKey) < 0;
    const pair = isFirst ? hex(onePublicKey) + hex(otherPublicKey) : hex(otherPublicKey) + hex(onePublicKey);
    let key = this.keys.get(pair);
    if (!key) this.keys.set(pair, (key = this.random.bytes(KEY_LENGTH)));
    return key;
  }
}
