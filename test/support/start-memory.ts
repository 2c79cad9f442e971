/** Preloaded before `ntmobile/register`: makes it start a node of the memory network. */
import { Log } from '../../core/log';
import * as start from '../../core/start';
import { MemoryNetwork } from './memory-network';

const counter = globalThis as { nodesStarted?: number };

Object.defineProperty(start, 'startNode', {
  value: () => {
    counter.nodesStarted = (counter.nodesStarted ?? 0) + 1;
    return { network: new MemoryNetwork(), listen: 'both', log: new Log('warn', () => {}) };
  },
});
