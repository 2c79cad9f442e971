/** The transaction clock of the servers in a directory. */
import type { Logger } from 'pino';
import { nodeClock, nodeTimers } from '../core/runtime-node';
import { keptTimeIn } from '../servers/serve/kept-time';
import { TransactionClock } from '../servers/transaction-clock';

export function openTransactionClock(dir: string, log: Logger): TransactionClock {
  return new TransactionClock(nodeClock, nodeTimers, keptTimeIn(dir), (error) => {
    log.warn({ error: (error as Error).message }, 'the time of transactions cannot be kept; do not set the clock back');
  });
}
