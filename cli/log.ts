/** Logs of the servers: one JSON object a line on standard error, so that standard output has results only. */
import pino, { type Logger } from 'pino';
import { UsageError } from './output';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** NTMOBILE_LOG: the level; otherwise `level`. */
export function openLog(env: NodeJS.ProcessEnv, level = 'warn'): Logger {
  return pino({ level: levelOf(env) ?? level, base: null }, pino.destination({ fd: 2, sync: true }));
}

/** Of NTMOBILE_LOG, when it is set. */
export function levelOf(env: NodeJS.ProcessEnv): string | undefined {
  const level = env['NTMOBILE_LOG'] || undefined;
  if (level !== undefined && !levels.includes(level))
    throw new UsageError(`NTMOBILE_LOG is one of ${levels.join(', ')}`);
  return level;
}
