/**
 * Real processes for end-to-end tests: start, wait for a line or the end, and be sure that none stays behind.
 * Waits for what a program says or for its end, never for a time; mocha's own limit catches what hangs.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { projectRoot } from './paths';

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<Program>();

export class Program {
  readonly lines: string[] = [];
  errors = '';
  end: End | undefined;
  /** Milliseconds since 1970. */
  readonly startedMs = Date.now();
  readonly ended: Promise<End>;
  private readonly child: ChildProcess;
  private waiters: (() => void)[] = [];

  private constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    readonly env: NodeJS.ProcessEnv,
  ) {
    const child = spawn(command, args, { cwd: projectRoot, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    running.add(this);
    child.stderr.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString();
      this.wake();
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(line);
      this.wake();
    });
    this.ended = new Promise<End>((done, fail) => {
      child.on('error', fail);
      child.on('close', (code, signal) => {
        this.end = { code, signal };
        running.delete(this);
        this.wake();
        done(this.end);
      });
    });
  }

  /** Runs `node args`, with the environment of the tests but for NTMOBILE_* settings, and with `env`. */
  static node(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NTMOBILE_')));
    return new Program(args.slice(0, 6).join(' '), process.execPath, args, { ...clean, ...env });
  }

  /** Runs a command that is not Node, or one that runs Node elsewhere. */
  static command(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    return new Program([command, ...args.slice(0, 6)].join(' '), command, args, { ...process.env, ...env });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} did not start`);
    return this.child.pid;
  }

  /** The first line of standard output that `wanted` accepts; rejects when the program ends without one. */
  async line(wanted: (line: string) => boolean = () => true): Promise<string> {
    for (;;) {
      const found = this.lines.find(wanted);
      if (found !== undefined) return found;
      if (this.end) throw this.failure('ended before it said what was expected');
      await new Promise<void>((wake) => this.waiters.push(wake));
    }
  }

  /** The same of standard error, from this many letters on. */
  async errorLine(wanted: (line: string) => boolean, from = 0): Promise<string> {
    for (;;) {
      const whole = this.errors.slice(from).split('\n').slice(0, -1);
      const found = whole.find(wanted);
      if (found !== undefined) return found;
      if (this.end) throw this.failure('ended before it said what was expected');
      await new Promise<void>((wake) => this.waiters.push(wake));
    }
  }

  /** Waits until the program ends by itself with `code`, and gives what it wrote to standard output. */
  async finish(code = 0): Promise<string> {
    const end = await this.ended;
    if (end.code !== code) throw this.failure(`was expected to end with code ${code}`);
    return this.lines.join('\n');
  }

  /** Waits for the program's end and reads the last line of its output as JSON. */
  async json<T>(code = 0): Promise<T> {
    await this.finish(code);
    const last = this.lines.at(-1);
    if (last === undefined) throw this.failure('said nothing');
    return JSON.parse(last) as T;
  }

  /** Asks the program to end. */
  terminate(): void {
    this.child.kill('SIGTERM');
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  private failure(what: string): Error {
    const end = this.end ? `code ${this.end.code}, signal ${this.end.signal}` : 'running';
    const said = [...this.lines, this.errors.trim()].filter(Boolean).slice(-20).join('\n    ');
    return new Error(`${this.name}: ${what} (${end})\n    ${said}`);
  }

  private wake(): void {
    for (const wake of this.waiters.splice(0)) wake();
  }
}

/** Closes a suite: kills what still runs, and says what that was. An empty list is the leak check's pass. */
export async function killRunning(): Promise<string[]> {
  const left = [...running];
  await Promise.all(left.map((program) => program.kill()));
  return left.map(({ name }) => name);
}
