/** Runs the `ntmobile` command as a real process. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const main = resolve(__dirname, '../../cli/main.js');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface UpLine {
  readonly as: string;
  readonly zone: string;
  readonly accounts: readonly { readonly name: string; readonly fqdn: string }[];
  readonly servers: Record<'as' | 'dc' | 'dns' | 'ns' | 'rs' | 'cs', { address: string; port: number }>;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ntmobile-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function run(args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const child = start(args, env);
  child.stdin.end(input);
  return finished(child);
}

/** `ntmobile up --json`, once it is ready. */
export async function up(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = start(['up', '--json', ...args], env);
  const end = finished(child);
  const line = await new Promise<string>((ready, failed) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) ready(text);
    });
    void end.then(({ stderr }) => failed(new Error(`ended before it was ready: ${stderr}`)));
  });
  return {
    ready: JSON.parse(line) as UpLine,
    stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
      child.kill(signal);
      return end;
    },
  };
}

function start(args: readonly string[], env: NodeJS.ProcessEnv): Child {
  return spawn(process.execPath, [main, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NTMOBILE_TRACE: '', NTMOBILE_LOG: '', ...env },
  });
}

function finished(child: Child): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((done) => child.on('close', (code) => done({ code, stdout, stderr })));
}
