/**
 * The fuzzer: mutated inputs in batches, each batch to a world of its own. What a batch breaks is broken again by the
 * same seed, made as small as it gets, and reported so that it can be repeated:
 *
 *   NTMOBILE_FUZZ_SEED=7 npm run fuzz -- frames
 *
 * A batch depends on the seed, the target's name and its own number alone, not on how many ran before it.
 */
import { createHash } from 'node:crypto';
import { flush } from '../support/memory-datagrams';
import { SeededRandom } from '../support/virtual-time';
import { readCorpus } from './corpus';
import { Mutator } from './mutator';
import { smallest } from './smallest';

export interface Target {
  /** Also the name of its directory in the corpus. */
  readonly name: string;
  /** Inputs in CI. */
  readonly runs: number;
  /** Inputs to one world. */
  readonly batch: number;
  readonly tokens?: readonly (string | Uint8Array)[];
  readonly longest?: number;
  /** Real inputs that only this run's keys make real, besides the corpus. */
  readonly live?: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /** Makes a world, puts all inputs in, looks at what came of it, and ends it. Throws what is wrong. */
  attempt(inputs: readonly Uint8Array[]): void | Promise<void>;
}

export const seed = Number(process.env['NTMOBILE_FUZZ_SEED'] ?? process.pid);

/** Names of the targets to run, when not all are (`npm run fuzz -- frames`), and of those that were. */
const wanted = process.env['NTMOBILE_FUZZ_TARGETS']?.split(',');
const ran = new Set<string>();

/** For mocha: a name that is no target's would otherwise pass, having tested nothing. */
export const mochaHooks = {
  afterAll(): void {
    const missing = wanted?.filter((name) => !ran.has(name)) ?? [];
    if (missing.length > 0) throw new Error(`nothing to fuzz has the name ${missing.join(' or ')}`);
  },
};

/** The whole corpus as it is, then mutated inputs. Throws FuzzFailure for the first batch that breaks something. */
export async function fuzz(target: Target, { runs = runsOf(target), withSeed = seed } = {}): Promise<void> {
  if (wanted && !wanted.includes(target.name)) return;
  ran.add(target.name);
  const saved = readCorpus(target.name);
  const bases = [...saved, ...((await target.live?.()) ?? [])];
  for (let at = 0; at < saved.length; at += target.batch) {
    await check(target, saved.slice(at, at + target.batch), `corpus from ${at}`, withSeed);
  }
  const tokens = target.tokens?.map((token) => Buffer.from(token as string));
  for (let batch = 0; batch * target.batch < runs; batch++) {
    const random = new SeededRandom(mix(`${withSeed} ${target.name} ${batch}`));
    const { longest } = target;
    const mutator = new Mutator(random, { bases, ...(tokens && { tokens }), ...(longest && { longest }) });
    const inputs = Array.from({ length: target.batch }, () => mutator.next());
    await check(target, inputs, `batch ${batch}`, withSeed);
  }
}

export class FuzzFailure extends Error {
  constructor(
    target: string,
    which: string,
    withSeed: number,
    readonly inputs: readonly Uint8Array[],
    cause: unknown,
  ) {
    const shown = inputs.map((input) => `  ${Buffer.from(input).toString('hex') || '(empty)'}`).join('\n');
    const again = `NTMOBILE_FUZZ_SEED=${withSeed} npm run fuzz -- ${target}`;
    super(
      `${target}, ${which}: ${String(cause).split('\n')[0]}\nagain: ${again}\nsmallest inputs that do it:\n${shown}`,
      { cause },
    );
  }
}

async function check(target: Target, inputs: Uint8Array[], which: string, withSeed: number): Promise<void> {
  const failure = await failureOf(target, inputs);
  if (failure === undefined) return;
  const least = await smallest(inputs, async (fewer) => (await failureOf(target, fewer)) !== undefined);
  throw new FuzzFailure(target.name, which, withSeed, least, (await failureOf(target, least)) ?? failure);
}

async function failureOf(target: Target, inputs: readonly Uint8Array[]): Promise<unknown> {
  const rejections = collectRejections();
  try {
    await target.attempt(inputs.map((input) => new Uint8Array(input)));
    await flush(); // Node tells of a rejection that nobody handles once the promises have run
    return rejections.seen[0];
  } catch (error) {
    return error;
  } finally {
    await flush();
    rejections.stop();
  }
}

/** Takes the place of mocha's listener, which would end the test without saying which input did it. */
function collectRejections(): { readonly seen: Error[]; stop(): void } {
  const seen: Error[] = [];
  const collect = (reason: unknown): void => void seen.push(new Error('an unhandled rejection', { cause: reason }));
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', collect);
  const stop = (): void => {
    process.off('unhandledRejection', collect);
    for (const other of others) process.on('unhandledRejection', other);
  };
  return { seen, stop };
}

function runsOf({ runs }: Target): number {
  return runs * Number(process.env['NTMOBILE_FUZZ_FACTOR'] ?? 1);
}

function mix(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE();
}
