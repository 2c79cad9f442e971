/** What set-up says: short lines on standard output, everything that tools print in build/setup.log. */
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const logFile = resolve(projectRoot, 'build/setup.log');
export const setupLogPath = relative(process.cwd(), logFile) || logFile;
const SHOWN_LINES = 12;

/** A failure the user can act on: its message is all there is to show. */
export class SetupError extends Error {}

export function startLog() {
  mkdirSync(dirname(logFile), { recursive: true });
  writeFileSync(logFile, `set-up at ${new Date().toISOString()}, Node ${process.versions.node}\n`);
  return {
    /** One line for the user, and for the log. */
    step(line) {
      process.stdout.write(`${line}\n`);
      appendFileSync(logFile, `${line}\n`);
    },
    /** Runs a program with its output in the log. On failure an excerpt of it is the error's message. */
    async run(command, args, { env = {}, hint = '' } = {}) {
      appendFileSync(logFile, `$ ${command} ${args.join(' ')}\n`);
      const { code, output } = await collect(command, args, env);
      if (code === 0) return;
      const tool = basename(command === process.execPath ? args[0] : command);
      throw new SetupError(`${tool} failed (${code}):\n${excerpt(output)}${hint && `\n${hint}`}`);
    },
  };
}

/** Both ends: some tools say what is wrong first and then explain themselves, others say it last. */
function excerpt(output) {
  const lines = output.trimEnd().split('\n');
  if (lines.length <= 2 * SHOWN_LINES) return lines.join('\n');
  return [...lines.slice(0, SHOWN_LINES), '...', ...lines.slice(-SHOWN_LINES)].join('\n');
}

function collect(command, args, env) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: projectRoot,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (chunk) => {
      output += chunk;
      appendFileSync(logFile, chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => done({ code: error.code, output: error.message }));
    child.on('close', (code, signal) => done({ code: code ?? signal, output }));
  });
}
