/**
 * Virtual connections for the workers of `cluster`. What a primary accepts it sends to a worker, and of a virtual
 * connection there is nothing that could be sent: it is an object of this process. So each becomes two:
 *
 *   peer <-- virtual connection --> primary: splice <-- loopback of the host --> worker, which accepts that socket
 *
 * Ends, resets and back-pressure pass through, and the worker is shown the virtual addresses (cluster-handover.ts).
 */
import { Splice } from '../core/splice';
import type { TcpConnection } from '../core/packet/stack/stack-contract';
import { handOver } from './cluster-handover';
import { LoopbackPairs } from './loopback-pairs';
import type { TcpHandle } from './node-internals';
import { shownEndpoint } from './policy';

export class WorkerBridge {
  readonly #pairs: LoopbackPairs;

  constructor(
    bindOnHost: (handle: TcpHandle, address: string, port: number) => number,
    /** Gives the primary what it may send to a worker. */
    private readonly deliver: (far: TcpHandle) => void,
  ) {
    this.#pairs = new LoopbackPairs(bindOnHost);
  }

  accept(connection: TcpConnection, showMapped: boolean): void {
    const endpoints = {
      local: shownEndpoint(connection.local, showMapped),
      remote: shownEndpoint(connection.remote, showMapped),
    };
    const near = this.#pairs.open((far) => {
      handOver(far, { endpoints, reset: () => splice.reset() });
      this.deliver(far);
    });
    // The worker has closed it: as with a socket of one's own, a peer that does not answer holds no process.
    near.once('end', () => near.unref());
    const splice = new Splice(near, () => {});
    splice.accept(connection);
  }

  /** Connections that the primary was given stay open. */
  close(): void {
    this.#pairs.close();
  }
}
