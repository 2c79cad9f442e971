/**
 * A listening TCP handle. A server keeps its real TCP object, which may or may not be bound for real; virtual
 * connections arrive through `handle.onconnection(0, virtualHandle)`, as real ones do. Where the primary of `cluster`
 * has taken the handle, to send to its workers what it accepts, they arrive as sockets of the host (worker-bridge.ts).
 *
 *   unbound --bind()--> bound --listen()--> listening --close()--> closed
 */
import { AsyncResource } from 'node:async_hooks';
import type { TcpConnection, TcpListener } from '../core/packet/stack/stack-contract';
import type { VirtualNetwork } from '../core/virtual-network';
import type { Endpoint } from '../core/wire/addresses';
import { Hold } from './liveness';
import { errnoOf } from './node-errors';
import { inPollPhase } from '../core/poll-phase';
import { isClusterPrimary, type TcpHandle } from './node-internals';
import { isWildcard, unmapped, type BindPlace } from './policy';
import type { StreamHandle } from './stream-handle';
import { createStreamHandle } from './virtual-handles';
import type { WorkerBridge } from './worker-bridge';

/** What bind() asked for. */
export interface Binding {
  readonly place: Exclude<BindPlace, 'host'>;
  readonly address: string;
  readonly port: number;
  readonly ipv6Only: boolean;
}

export interface ListenerHost {
  /** Accepted sockets start in an empty async context, not in the one that happened to feed the stack. */
  readonly emptyScope: AsyncResource;
  /** False when the handle was taken away from its server. */
  isServed(): boolean;
  /** `bind` without the shim's hook. */
  bindOnHost(handle: TcpHandle, address: string, port: number): number;
}

export class VirtualListener {
  readonly #hold = new Hold(this);
  readonly #accepted: StreamHandle[] = [];
  #scope: AsyncResource | undefined;
  #listener: TcpListener | undefined;
  #bridge: WorkerBridge | undefined;
  #referenced = true;

  constructor(
    private readonly handle: TcpHandle,
    private readonly network: VirtualNetwork,
    private readonly host: ListenerHost,
    readonly binding: Binding,
  ) {}

  get isListening(): boolean {
    return this.#listener !== undefined;
  }

  /** `port` is the real socket's when there is one, so that both have the same number. */
  listen(backlog: number, port: number): number {
    const { address, ipv6Only } = this.binding;
    try {
      const options = { address: unmapped(address), port, ipv6Only, backlog };
      this.#listener = this.network.listenTcp(options, (connection) => this.#accept(connection));
    } catch (error) {
      return errnoOf((error as { code?: string }).code ?? 'EADDRNOTAVAIL');
    }
    this.#scope = new AsyncResource('NTMOBILETCPSERVER');
    this.#updateHold();
    return 0;
  }

  /** For a listener without a real socket. */
  get local(): Endpoint {
    const { address, port } = this.binding;
    return { address, port: this.#listener?.local.port ?? port };
  }

  setReferenced(referenced: boolean): void {
    this.#referenced = referenced;
    this.#updateHold();
  }

  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
    this.#hold.set(false);
    for (const client of this.#accepted.splice(0)) client.stream.close(undefined, true);
    this.#bridge?.close();
  }

  #accept(connection: TcpConnection): void {
    if (!this.host.isServed() && isClusterPrimary()) return this.#acceptForWorkers(connection);
    const client = this.host.emptyScope.runInAsyncScope(() => createStreamHandle(this.network));
    client.showMapped = this.#showMapped;
    client.stream.accept(connection);
    this.#accepted.push(client);
    if (this.#accepted.length === 1) process.nextTick(() => this.#deliver());
  }

  /** One connection per event. */
  #deliver(): void {
    const client = this.#accepted.shift();
    if (!client) return;
    if (this.#accepted.length > 0) inPollPhase(() => this.#deliver());
    if (!this.host.isServed()) return client.stream.close(undefined, true);
    this.#scope?.runInAsyncScope(() => this.handle.onconnection?.(0, client));
  }

  #acceptForWorkers(connection: TcpConnection): void {
    if (!this.#bridge) {
      const { WorkerBridge } = require('./worker-bridge') as typeof import('./worker-bridge');
      this.#bridge = new WorkerBridge(
        (handle, address, port) => this.host.bindOnHost(handle, address, port),
        (far) => this.#scope?.runInAsyncScope(() => this.handle.onconnection?.(0, far)),
      );
    }
    this.host.emptyScope.runInAsyncScope(() => this.#bridge!.accept(connection, this.#showMapped));
  }

  get #showMapped(): boolean {
    return isWildcard(this.binding.address) && this.binding.address.includes(':');
  }

  #updateHold(): void {
    // With a real socket that listens too, that one holds the loop.
    this.#hold.set(this.binding.place === 'virtual' && this.isListening && this.#referenced);
  }
}
