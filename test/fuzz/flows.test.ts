/** Writes, reads and rests at both ends of a connection, on a path that changes all the time: every byte arrives. */
import { SeededRandom } from '../support/virtual-time';
import { fuzz, seed } from './engine';
import { FlowWorld } from './flow-world';

/** Scripts to begin with. */
const SCRIPTS = 20;
const ACTS = 100;

describe(`fuzz: flows (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('established: MTUs, losses, pauses and new paths in any order -> every byte arrives, in order, and then the end', () =>
    fuzz({ name: 'flows', runs: 400, batch: 1, longest: 2 * ACTS, live: scripts, attempt: play }));
});

function scripts(): Uint8Array[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: SCRIPTS }, () => random.bytes(2 * ACTS));
}

function play(inputs: readonly Uint8Array[]): void {
  for (const input of inputs) {
    const world = new FlowWorld(input[0] ?? 0);
    world.play(input);
    world.end();
  }
}
