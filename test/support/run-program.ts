/**
 * Runs a program in a process of its own, under the memory network, and collects what it says.
 * A program must end by itself: that is part of every test.
 */
import { spawn } from 'node:child_process';
import * as path from 'node:path';

const PRELOAD = path.join(__dirname, 'memory-preload.js');
const PROJECT = path.join(__dirname, '..', '..', '..');
const LIMIT_MS = 60_000;
/** Of a test, which runs two programs at most: what one that hangs has said is told before. */
const TEST_LIMIT_MS = 150_000;

/** A program's globals; its functions are sent to the child as text, so they use nothing else from outside. */
declare global {
  var network: import('./memory-network').MemoryNetwork;
  var shim: import('../../shim/install').Shim;
  var NtmError: typeof import('../../core/errors').NtmError;
  function holdCount(): number;
  /** Adds a line to the program's output, as JSON. */
  function say(...values: unknown[]): void;
}

export interface ProgramOptions {
  readonly env?: Record<string, string>;
  /** Without the shim: what Node itself does. */
  readonly plain?: boolean;
}

const PREAMBLE = `globalThis.say = (...values) => console.log(JSON.stringify(values.length === 1 ? values[0] : values));`;

/** `describe` for tests that run programs. */
export function describePrograms(title: string, define: (this: Mocha.Suite) => void): void {
  describe(title, function () {
    this.timeout(TEST_LIMIT_MS);
    define.call(this);
  });
}

/** What the program said, line by line. Rejects if it did not end by itself with status 0. */
export function run(program: () => unknown, options: ProgramOptions = {}): Promise<unknown[]> {
  return start(['-e', `${PREAMBLE}\n(${program.toString()})()`], options);
}

/** The same for an ES module. */
export function runModule(source: string, options: ProgramOptions = {}): Promise<unknown[]> {
  return start(['--input-type=module', '-e', `${PREAMBLE}\n${source}`], options);
}

function start(args: string[], { env = {}, plain = false }: ProgramOptions): Promise<unknown[]> {
  const preload = plain ? [] : ['-r', PRELOAD];
  const child = spawn(process.execPath, [...preload, ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      if (code !== 0) {
        const how = signal ? `did not end within ${LIMIT_MS} ms` : `ended with status ${code}`;
        return reject(new Error(`the program ${how}\n${output}\n${errors}`));
      }
      const lines = output.split('\n').filter((line) => line !== '');
      resolve(lines.map((line) => JSON.parse(line) as unknown));
    });
  });
}
