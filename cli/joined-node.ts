/** A command that is a node for as long as it works: joins by the NTMOBILE_* variables, and leaves at the end. */
import { readConfig, type NodeConfig } from '../core/config';
import { configuredNode } from '../core/configured-node';
import { Log } from '../core/log';
import type { Node } from '../core/node';
import { holdProcess } from '../core/runtime-node';
import { configuredNamespace } from '../core/start';
import { openLog } from './log';

/** Rejects with NtmError when it cannot join. */
export async function asNode<T>(
  work: (node: Node, log: ReturnType<typeof openLog>) => Promise<T>,
  settings: Partial<Pick<NodeConfig, 'node'>> = {},
): Promise<T> {
  const log = openLog(process.env);
  const config = { ...readConfig(process.env), ...settings };
  const release = holdProcess(); // the node's own sockets and timers do not keep a process
  let joined = false;
  const node = configuredNode(
    config,
    configuredNamespace(config),
    new Log(config.log, (line, level) => log[level](line)),
    ({ message }) => {
      if (joined) log.warn({ error: message }, 'not joined any more'); // the first time, it is how the command ends
    },
  );
  try {
    await node.whenJoined();
    joined = true;
    return await work(node, log);
  } finally {
    node.close();
    release();
  }
}
