/** Starts programs, waits for what they say, and ends them. */
import { spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const running = new Set();
let ending = false;

export class Program {
  constructor(name, args, env = {}) {
    this.name = name;
    this.lines = [];
    this.errors = '';
    this.child = spawn(process.execPath, args, {
      cwd: resolve(dirname(fileURLToPath(import.meta.url)), '../..'),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this);
    this.child.stderr.on('data', (chunk) => (this.errors += chunk));
    this.waiters = [];
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.lines.push(line);
      this.waiters.splice(0).forEach((look) => look());
    });
    this.ended = new Promise((done) => {
      this.child.on('error', (error) => done({ reason: error.message }));
      this.child.on('close', (code, signal) => done({ code, reason: signal ?? `exit code ${code}` }));
    }).then((end) => {
      running.delete(this);
      this.end = end;
      this.waiters.splice(0).forEach((look) => look());
      return end;
    });
  }

  /** The first line of output that `wanted` accepts; fails when the program ends without one. */
  async line(wanted = () => true) {
    for (;;) {
      const found = this.lines.find(wanted);
      if (found !== undefined) return found;
      if (this.end) throw this.failure(`ended (${this.end.reason}) before it said what was expected`);
      await new Promise((look) => this.waiters.push(look));
    }
  }

  /** Waits for the program to end by itself, and well. */
  async success() {
    const { code, reason } = await this.ended;
    if (code !== 0) throw this.failure(`failed: ${reason}`);
  }

  /** Asks the program to end, which it must do with code 0. */
  async stop() {
    this.child.kill('SIGTERM');
    await this.success();
  }

  failure(what) {
    const said = [...this.lines, this.errors.trim()].filter(Boolean).slice(-15).join('\n  ');
    return new Error(`${this.name} ${what}${said && `; it said:\n  ${said}`}`);
  }
}

/** For a demo that failed: nothing it started stays behind. */
export async function killAll() {
  if (ending) return;
  ending = true;
  const left = [...running];
  for (const { child } of left) child.kill('SIGKILL');
  await Promise.all(left.map(({ ended }) => ended));
}
