/** What commands say and how they end. Results go to standard output, all else to standard error. */
import { NtmError } from '../core/errors';

export enum ExitCode {
  done = 0,
  failed = 1,
  usage = 2,
  /** There was nothing to do it with. */
  nothing = 3,
}

/** A mistake of the caller that Commander cannot see. */
export class UsageError extends Error {}

/** An expected failure, whose message is all there is to say. */
export class Failure extends Error {}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One line for the person who can act; a stack trace only for what is no expected failure. */
export function fail(error: unknown): void {
  process.exitCode = error instanceof UsageError ? ExitCode.usage : ExitCode.failed;
  process.stderr.write(`ntmobile: ${explain(error)}\n`);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  const at = address === undefined ? '' : ` ${address}${port === undefined ? '' : `:${port}`}`;
  if (code === 'EADDRINUSE') return `${at.trim()} is in use; give another port or stop what runs there`;
  if (code === 'EADDRNOTAVAIL') return `${at.trim()} is not an address of this host`;
  if (code === 'EACCES' && port !== undefined && port < 1024) {
    return `${at.trim()}: ports below 1024 need root or CAP_NET_BIND_SERVICE; give another port`;
  }
  if (code === 'EACCES' || code === 'EPERM') return `not allowed: ${error.message}`;
  if (error instanceof NtmError || error instanceof UsageError || error instanceof Failure || code !== undefined)
    return error.message;
  return error.stack ?? error.message;
}
