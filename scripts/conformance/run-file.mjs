/** Runs one of Node's test files in a process of its own, with or without the shim. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { projectRoot } from '../setup/report.mjs';

const preload = resolve(projectRoot, 'dist/test/conformance/preload.js');
const OUTPUT_LIMIT = 4 * 1024;

/**
 * @param slot which of those that run at the same time: each has ports and a temporary directory of its own
 * @returns {Promise<{ outcome: 'passed' | 'skipped' | 'failed', exercised: boolean, output: string }>}
 */
export async function runFile({ tests, file, shimmed, slot, limitMs }) {
  const path = join(tests, file);
  const work = resolve(projectRoot, 'build/conformance', String(slot));
  const mark = join(work, 'exercised');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });

  const env = { ...process.env, TEST_THREAD_ID: String(slot), NODE_TEST_DIR: work, NTMOBILE_CONFORMANCE_MARK: mark };
  delete env.NODE_OPTIONS;
  // By the environment, as the product's preload does: spawned children and workers then inherit it.
  if (shimmed) env.NODE_OPTIONS = `--require ${JSON.stringify(preload)}`;
  // A process group, since a test may leave children behind.
  const child = spawn(process.execPath, [...flagsOf(path), path], {
    cwd: resolve(tests, '..'),
    ...{ env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-OUTPUT_LIMIT)));
  }
  const endGroup = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nothing of it is left, as it should be.
    }
  };
  const limit = setTimeout(() => {
    output += `\nnot ended after ${limitMs / 1000} s\n`;
    endGroup();
  }, limitMs);
  const status = await new Promise((done) => child.on('exit', (code, signal) => done(signal ?? code)));
  clearTimeout(limit);
  endGroup();
  if (status !== 0) output += `\nended with ${status}\n`;
  const passed = /^1\.\.0 # Skipped/m.test(output) ? 'skipped' : 'passed';
  return { outcome: status === 0 ? passed : 'failed', exercised: existsSync(mark), output: output.trim() };
}

/** `// Flags: --expose-internals`, as Node's own runner understands it. */
function flagsOf(path) {
  const flags = /^\/\/ Flags:(.*)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  return flags.split(/\s+/).filter((flag) => flag !== '');
}
