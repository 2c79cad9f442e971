/** Mutated inputs: a few small, blind changes to a real one, which therefore gets past the first checks. */
import type { SeededRandom } from '../support/virtual-time';

export interface MutatorOptions {
  /** Real inputs, at least one. */
  readonly bases: readonly Uint8Array[];
  /** Byte strings that mean something to the decoder. */
  readonly tokens?: readonly Uint8Array[];
  readonly longest?: number;
}

/** Numbers at which decoders err: signs, widths, lengths just off. */
const EXTREMES = [0, 1, 2, 4, 16, 0x3f, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000];

type Change = (bytes: Uint8Array) => Uint8Array;

export class Mutator {
  private readonly longest: number;
  private readonly changes: readonly Change[] = [
    (bytes) => this.overwrite(bytes, Uint8Array.of(bytes[this.at(bytes)]! ^ (1 << this.random.below(8)))),
    (bytes) => this.overwrite(bytes, this.random.bytes(1 + this.random.below(4))),
    (bytes) => this.overwrite(bytes, this.integer(bytes.length)),
    (bytes) => this.overwrite(bytes, this.integer(bytes.length)),
    (bytes) => bytes.subarray(0, this.at(bytes)),
    (bytes) => bytes.subarray(this.at(bytes)),
    (bytes) => this.splice(bytes, this.at(bytes), this.length(), new Uint8Array(0)),
    (bytes) => this.splice(bytes, this.at(bytes), 0, this.random.bytes(this.length())),
    (bytes) => this.splice(bytes, this.at(bytes), 0, this.piece(bytes)),
    (bytes) => this.splice(bytes, this.at(bytes), this.length(), this.piece(this.base())),
    (bytes) => this.overwrite(bytes, this.piece(this.base())),
    (bytes) => this.splice(bytes, this.at(bytes), 0, this.token(bytes)),
    (bytes) => this.overwrite(bytes, this.token(bytes)),
  ];

  constructor(
    private readonly random: SeededRandom,
    private readonly options: MutatorOptions,
  ) {
    if (options.bases.length === 0) throw new Error('there is nothing to mutate');
    this.longest = options.longest ?? 2_048;
  }

  /** A real input with one to eight changes; one in sixteen as it is, for what only a sequence can break. */
  next(): Uint8Array {
    let bytes = new Uint8Array(this.base());
    if (this.random.chance(1 / 16)) return bytes;
    for (let more = true; more; more = this.random.chance(0.6)) {
      bytes = new Uint8Array(this.pick(this.changes)(bytes).subarray(0, this.longest)); // no Buffer, whose slice is a view
    }
    return bytes;
  }

  private base(): Uint8Array {
    return this.pick(this.options.bases);
  }

  private overwrite(bytes: Uint8Array, by: Uint8Array): Uint8Array {
    const at = this.at(bytes);
    bytes.set(by.subarray(0, bytes.length - at), at);
    return bytes;
  }

  private splice(bytes: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array {
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
  }

  private integer(length: number): Uint8Array {
    const value = (this.random.chance(0.3) ? length : this.pick(EXTREMES)) + this.random.below(3) - 1;
    const width = this.pick([1, 2, 4, 8]);
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt(value));
    const bigEndian = bytes.subarray(8 - width);
    return this.random.chance(0.5) ? bigEndian : bigEndian.reverse();
  }

  private token(bytes: Uint8Array): Uint8Array {
    return this.options.tokens?.length ? this.pick(this.options.tokens) : this.integer(bytes.length);
  }

  private piece(of: Uint8Array): Uint8Array {
    const from = this.at(of);
    return of.subarray(from, from + this.length());
  }

  /** Short as a rule, now and then as long as anything. */
  private length(): number {
    return 1 + this.random.below(this.random.chance(0.05) ? this.longest : 16);
  }

  private at(bytes: Uint8Array): number {
    return this.random.below(bytes.length + 1);
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.random.below(from.length)]!;
  }
}
