#!/usr/bin/env node
/**
 * Fuzzes for longer than the tests do: rounds with a new seed each, until something breaks or the time is up.
 *
 *   npm run fuzz                                            five minutes of everything
 *   NTMOBILE_FUZZ_SECONDS=3600 npm run fuzz -- dns nodes    an hour of two targets
 *   NTMOBILE_FUZZ_SEED=7 npm run fuzz -- frames             one round, as a failure says
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import { projectRoot } from './setup/report.mjs';

/** How many times the inputs of the tests a round has. */
const FACTOR = 10;
const given = process.env.NTMOBILE_FUZZ_SEED;
const limitMs = Number(process.env.NTMOBILE_FUZZ_SECONDS ?? 300) * 1000;
const targets = process.argv.slice(2);

function round(seed) {
  process.stdout.write(`\n== NTMOBILE_FUZZ_SEED=${seed}\n`);
  const mocha = resolve(projectRoot, 'node_modules/mocha/bin/mocha.js');
  const hooks = ['--require', './dist/test/fuzz/engine.js', '--ignore', 'dist/test/fuzz/engine.test.js'];
  const { status } = spawnSync(process.execPath, [mocha, '--no-config', ...hooks, 'dist/test/fuzz/*.test.js'], {
    cwd: projectRoot,
    stdio: 'inherit',
    env: {
      NTMOBILE_FUZZ_FACTOR: String(FACTOR),
      ...process.env,
      NTMOBILE_FUZZ_SEED: String(seed),
      ...(targets.length > 0 && { NTMOBILE_FUZZ_TARGETS: targets.join() }),
    },
  });
  return status === 0;
}

const startedAt = performance.now();
let ok = true;
if (given !== undefined) ok = round(given);
else while (ok && performance.now() - startedAt < limitMs) ok = round(randomInt(2 ** 31));
process.exitCode = ok ? 0 : 1;
