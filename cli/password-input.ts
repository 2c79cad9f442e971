/** Where a command gets a password from. It is never printed, and not taken from a terminal with echo. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { UsageError } from './output';

export interface PasswordOptions {
  readonly password?: string;
  readonly passwordFile?: string;
}

/** The option, the file's first line, a prompt on a terminal, or the first line of standard input. */
export async function readPassword({ password, passwordFile }: PasswordOptions): Promise<string> {
  if (password !== undefined && passwordFile !== undefined) {
    throw new UsageError('give --password or --password-file, not both');
  }
  return checked(
    password ?? (passwordFile === undefined ? await readInput() : firstLine(readFileSync(passwordFile, 'utf8'))),
  );
}

/** 256 characters is what a Configuration Request carries. */
export function checked(password: string): string {
  if (password.length === 0) throw new UsageError('the password is empty');
  if (password.length > 256) throw new UsageError('the password has more than 256 characters');
  return password;
}

async function readInput(): Promise<string> {
  if (process.stdin.isTTY) return prompt();
  let input = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) input += chunk;
  return firstLine(input);
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? '';
}

function prompt(): Promise<string> {
  process.stderr.write('Password: ');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve) => {
    terminal.question('', (answer) => {
      terminal.close();
      process.stderr.write('\n');
      resolve(answer);
    });
  });
}
