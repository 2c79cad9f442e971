#!/usr/bin/env node
/**
 * Brings a fresh clone to the point where a command runs: `node scripts/setup.mjs --for demo|test`.
 *
 * Runs before anything is installed, so it uses nothing but Node. Steps, in order, each skipped when up to date:
 *   1. Node's own version
 *   2. npm packages       (npm ci)
 *   3. system packages    (apt-get, as root on Debian and Ubuntu; elsewhere it says what to install by hand)
 *   4. for tests, servers from Debian and Node in the other versions that are supported
 *   5. lwIP as wasm       (scripts/build-lwip.mjs)
 *   6. TypeScript         (tsc, incremental)
 */
import { compile } from './setup/compile.mjs';
import { installNpmPackages } from './setup/npm-packages.mjs';
import { installOtherNodes } from './setup/other-nodes.mjs';
import { projectRoot, SetupError, setupLogPath, startLog } from './setup/report.mjs';
import { fetchTestServers } from './setup/test-servers.mjs';
import { installSystemPackages } from './setup/system-packages.mjs';
import { buildLwip, systemPackages as lwipPackages } from './build-lwip.mjs';

const OLDEST_NODE = 20;
const PURPOSES = ['demo', 'test'];

function purposeOf(args) {
  if (args.length === 0) return 'test';
  if (args.length === 2 && args[0] === '--for' && PURPOSES.includes(args[1])) return args[1];
  throw new SetupError(`usage: node scripts/setup.mjs [--for ${PURPOSES.join('|')}]`);
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < OLDEST_NODE) {
    throw new SetupError(
      `Node ${process.versions.node} is too old: ntmobile needs Node ${OLDEST_NODE} or newer. ` +
        'On Debian 13 and Ubuntu 25.04 or newer: apt-get install nodejs npm; elsewhere see https://nodejs.org.',
    );
  }
}

try {
  const startedAt = performance.now();
  const purpose = purposeOf(process.argv.slice(2));
  checkNode();
  const log = startLog();
  await installNpmPackages(log);
  await installSystemPackages(purpose, lwipPackages, log);
  if (purpose === 'test') {
    await fetchTestServers(log);
    await installOtherNodes(log);
  }
  try {
    await buildLwip({ log: (line) => log.step(`setup: ${line.replaceAll(`${projectRoot}/`, '')}`) });
  } catch (error) {
    throw new SetupError(
      `lwIP was not built: ${error.message}\n` +
        'LWIP_SRC=DIR builds from any lwIP 2.2 source tree instead of the Debian source package.',
      { cause: error },
    );
  }
  await compile(log);
  log.step(`setup: ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
} catch (error) {
  process.stderr.write(`setup: ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.stderr.write(`setup: the full output is in ${setupLogPath}\n`);
  process.exitCode = 1;
}
