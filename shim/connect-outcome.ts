/**
 * How Node hears that a connect request ended. net.js builds the error itself, from the errno, inside `oncomplete`:
 * it passes it to `socket.destroy(error)` and, since 20.12, to `socket.emit('connectionAttemptFailed', ..., error)`.
 * The NTM_* reason is added as it passes there, before the app sees it.
 */
import { AsyncResource } from 'node:async_hooks';
import { addCause, errnoOf } from './node-errors';
import type { AnyFunction, NativeRequest, SocketInternals } from './node-internals';
import { withShadows } from './shadows';
import type { StreamHandle } from './stream-handle';

export interface ConnectOutcome {
  /** 0 or a negative errno. */
  readonly status: number;
  readonly cause?: unknown;
}

/** TCPConnectWrap as net.js fills it in. */
export interface ConnectRequest extends NativeRequest {
  readonly address?: string;
  readonly port?: number;
}

/** A connect request under way; what it calls back belongs to the async context of who asked. */
export class PendingConnect {
  readonly #scope = new AsyncResource('NTMOBILETCPCONNECT', { requireManualDestroy: true });
  #outcome: ConnectOutcome | undefined;

  constructor(private readonly request: ConnectRequest) {}

  get isOver(): boolean {
    return this.#outcome !== undefined;
  }

  get isConnected(): boolean {
    return this.#outcome?.status === 0;
  }

  /** The first outcome counts. */
  end(outcome: ConnectOutcome): void {
    this.#outcome ??= outcome;
  }

  /** Whatever its outcome was: Node has not heard of it. */
  cancel(handle: StreamHandle): void {
    this.#outcome = { status: errnoOf('ECANCELED') };
    this.complete(handle);
  }

  /** Tells Node, once it is over. */
  complete(handle: StreamHandle): void {
    const { status, cause } = this.#outcome!;
    this.#scope.runInAsyncScope(() => {
      const { request } = this;
      if (!request.oncomplete) return; // happy eyeballs gave up on this attempt
      const complete = (): void => request.oncomplete?.(status, handle, request, true, true);
      const socket = handle.consumer();
      if (status === 0 || cause === undefined || !socket) return complete();
      withCauseAdded(socket as SocketInternals, cause, complete);
    });
    this.#scope.emitDestroy();
  }
}

/** Why a connection to what may have been a virtual address failed, which the host made. */
export function explainConnect(request: ConnectRequest, socket: SocketInternals, cause: unknown): void {
  const { oncomplete } = request;
  request.oncomplete = (...args): unknown => {
    const complete = (): void => void oncomplete?.apply(request, args);
    if (args[0] === 0) return complete();
    return withCauseAdded(socket, cause, complete);
  };
}

function withCauseAdded(socket: SocketInternals, cause: unknown, complete: () => void): void {
  const adding = (method: 'destroy' | 'emit'): [PropertyKey, unknown] => {
    const original = socket[method] as AnyFunction;
    const added = function (this: unknown, ...args: unknown[]): unknown {
      for (const argument of args) if (isConnectError(argument)) addCause(argument, cause);
      return Reflect.apply(original, this, args);
    };
    return [method, added];
  };
  withShadows(socket, [adding('destroy'), adding('emit')], complete);
}

function isConnectError(value: unknown): value is Error {
  return value instanceof Error && (value as { syscall?: unknown }).syscall === 'connect';
}
