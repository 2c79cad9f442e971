/** The fuzzer itself: it finds planted faults, makes them small, and says how to see them again. */
import assert from 'node:assert/strict';
import { DATAGRAM_LIMIT } from '../../core/wire/header';
import { FrameReader } from '../../core/wire/frames';
import { SeededRandom } from '../support/virtual-time';
import { fuzz, FuzzFailure, type Target } from './engine';
import { Mutator } from './mutator';
import { retained } from './retained';

const SEED = 7;
/** In the place of a corpus: one frame of five bytes. */
const frame = Uint8Array.of(0, 5, 1, 2, 3, 4, 5);

describe('fuzzer', () => {
  const target = (attempt: Target['attempt'], batch = 16): Target => ({
    ...{ name: 'planted', runs: 2_000, batch, live: () => [frame], attempt },
  });
  const failureOf = (planted: Target) =>
    fuzz(planted, { runs: planted.runs, withSeed: SEED }).then(
      () => assert.fail('the fault was not found'),
      (error: unknown) => (assert(error instanceof FuzzFailure, String(error)), error),
    );

  it('a frame reader that believes every length: fuzzed -> found, two bytes say how', async () => {
    const { inputs, message } = await failureOf(
      target((all) => {
        for (const bytes of all) {
          const length = bytes.length < 2 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint16(0);
          assert(length <= DATAGRAM_LIMIT || new FrameReader().read(bytes) !== undefined, 'broke the framing');
        }
      }),
    );
    assert.equal(inputs.length, 1);
    assert.equal(inputs[0]!.length, 2, Buffer.from(inputs[0]!).toString('hex'));
    assert.match(message, /NTMOBILE_FUZZ_SEED=7 npm run fuzz -- planted/);
    assert.match(message, new RegExp(`smallest inputs that do it:\n {2}${Buffer.from(inputs[0]!).toString('hex')}$`));
  });

  it('a decoder with a state that two inputs together break: fuzzed -> found, no more than the two are left', async () => {
    const { inputs } = await failureOf(
      target(async (all) => {
        let open = false;
        for (const [first, second] of all) {
          await Promise.resolve();
          if (open && second === 6) throw new RangeError('used after close');
          open ||= first !== 0;
        }
      }),
    );
    assert.equal(inputs.length, 2);
    assert(inputs.every(({ length }) => length <= 2));
  });

  it('a promise that nobody waits for: rejects -> found', async () => {
    const { inputs, cause } = await failureOf(
      target((all) => void Promise.resolve().then(() => assert(all.every(({ length }) => length < 9)))),
    );
    assert.deepEqual([inputs.length, inputs[0]!.length], [1, 9]);
    assert.match(String(cause), /an unhandled rejection/);
  });

  it('the same seed: run again -> the same inputs; another seed -> others', async () => {
    const seen = async (withSeed: number): Promise<string> => {
      const inputs: string[] = [];
      const collect: Target['attempt'] = (all) =>
        void inputs.push(...all.map((input) => Buffer.from(input).toString('hex')));
      await fuzz(target(collect), { runs: 64, withSeed });
      return inputs.join();
    };
    assert.equal(await seen(1), await seen(1));
    assert.notEqual(await seen(1), await seen(2));
  });

  it('mutated inputs -> bounded, of many lengths, and with the tokens in some', () => {
    const token = Buffer.from('token');
    const mutator = new Mutator(new SeededRandom(SEED), { bases: [frame], tokens: [token], longest: 100 });
    const inputs = Array.from({ length: 1_000 }, () => Buffer.from(mutator.next()));
    assert(inputs.every(({ length }) => length <= 100));
    assert(new Set(inputs.map(({ length }) => length)).size > 30);
    assert(inputs.some((input) => input.includes(token)));
    assert(inputs.some((input) => input.equals(frame)));
    assert.deepEqual([...frame], [0, 5, 1, 2, 3, 4, 5], 'what it was made from is not touched');
  });

  it('an object with maps in it: counted -> every entry once', () => {
    const shared = new Set([1, 2]);
    const others = [1, 2, 3, 4];
    const root = {
      map: new Map<string, object>([['a', { list: [1, 2, 3], shared }]]),
      shared,
      bytes: new Uint8Array(9),
    };
    assert.equal(retained(root, others), 1 + 3 + 2);
  });
});
