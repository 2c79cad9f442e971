/**
 * The primary's side of a handover (cluster-messages.ts): what is sent to a worker is marked, and what the worker
 * acknowledges is taken back to what Node's primary understands.
 *
 * Node's primary would offer a connection that one worker refuses to the next, without end. Of a worker that cannot
 * have it, it is told that it was accepted, and the peer gets a reset, as from a port that does not serve nodes.
 */
import type { ChildProcess } from 'node:child_process';
import { ACKNOWLEDGED, CLUSTER_COMMAND, type ClusterMessage, type ShownEndpoints } from './cluster-messages';
import type { AnyFunction, TcpHandle } from './node-internals';

interface Handover {
  readonly endpoints: ShownEndpoints;
  /** The worker will not serve the connection. */
  reset(): void;
}

/** No key of Node's, which are of the form `address:port:...`. */
const NO_SERVER = 'ntmobile';

const handovers = new WeakMap<TcpHandle, Handover>();
const watched = new WeakSet<ChildProcess>();
let isWatching = false;
let hasWarned = false;

/** Once `far` is sent to a worker, it goes with `endpoints`. */
export function handOver(far: TcpHandle, handover: Handover): void {
  handovers.set(far, handover);
  if (isWatching) return;
  isWatching = true;
  const cluster = require('node:cluster') as typeof import('node:cluster').default;
  for (const worker of Object.values(cluster.workers ?? {})) if (worker) watch(worker.process);
  cluster.on('fork', ({ process: worker }) => watch(worker));
}

/** Nothing to be put back: a worker's `send` does as Node's does for all that was not handed over. */
function watch(worker: ChildProcess): void {
  if (watched.has(worker)) return;
  watched.add(worker);
  /** Sent, and not acknowledged; by `seq`. */
  const underWay = new Map<number, { far: TcpHandle; reset: () => void }>();
  const send = worker.send as AnyFunction;

  worker.send = function (this: ChildProcess, message: ClusterMessage, far: TcpHandle, ...rest: unknown[]): boolean {
    const handover = message?.act === 'newconn' ? handovers.get(far) : undefined;
    if (!handover) return Reflect.apply(send, this, [message, far, ...rest]) as boolean;
    const { key, seq } = message;
    underWay.set(seq as number, { far, reset: () => handover.reset() });
    const marked = { ...message, key: NO_SERVER, ntmobile: { ...handover.endpoints, key } };
    return Reflect.apply(send, this, [marked, far, ...rest]) as boolean;
  } as AnyFunction as ChildProcess['send'];

  // Before Node's own listener.
  worker.prependListener('internalMessage', (message: ClusterMessage) => {
    if (message.cmd !== CLUSTER_COMMAND || message.ack === undefined) return;
    const isUnderstood = typeof message.ack === 'string' && message.ack.startsWith(ACKNOWLEDGED);
    if (isUnderstood) message.ack = Number((message.ack as string).slice(ACKNOWLEDGED.length));
    const sent = underWay.get(message.ack as number);
    if (!sent) return;
    underWay.delete(message.ack as number);
    if (isUnderstood) return;
    message.accepted = true;
    sent.reset();
    warn();
  });

  // Nothing is acknowledged any more, and Node forgets what it had sent. It does not tell of the end of a channel on which
  // a handle was under way: but 'close' comes after that end, and after all messages before it.
  const abandon = (): void => {
    for (const { far, reset } of underWay.values()) {
      far.close();
      reset();
    }
    underWay.clear();
  };
  worker.once('disconnect', abandon);
  worker.once('close', abandon);
}

function warn(): void {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    'A worker of cluster runs without ntmobile/register, so nodes of the network cannot be connected to it. ' +
      'Leave NODE_OPTIONS in its environment, or -r ntmobile/register in its execArgv.',
    { code: 'NTM_WORKER_NOT_PRELOADED' },
  );
}
