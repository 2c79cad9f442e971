/** Logs of the servers: one JSON object a line on standard error, so that standard output has results only. */
import pino, { type Logger } from 'pino';
import { UsageError } from './output';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** NTMOBILE_LOG: the level; default `warn`. */
export function openLog(env: NodeJS.ProcessEnv): Logger {
  const level = env['NTMOBILE_LOG'] || 'warn';
  if (!levels.includes(level)) throw new UsageError(`NTMOBILE_LOG is one of ${levels.join(', ')}`);
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
}
