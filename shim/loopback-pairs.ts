/**
 * Pairs of connected TCP sockets of this host, over loopback: one end as a socket, the other as a bare handle that can
 * be sent to another process.
 *
 * Any program of the host may connect to the port that such a pair needs. Its connections are told from our own by the
 * port that they come from, which belongs to our end as long as that is open; they are closed unread.
 */
import { Socket } from 'node:net';
import { connectOnHost } from './host-socket';
import { systemError } from './node-errors';
import { reachTcp, type AddressOut, type TcpHandle } from './node-internals';

const LOOPBACK = '127.0.0.1';
const BACKLOG = 511;
/** The type of a TCPWrap that listens. */
const SERVER = 1;

/** The end that is a socket, until the other end is there. */
interface Waiting {
  readonly near: Socket;
  readonly onFar: (far: TcpHandle) => void;
}

export class LoopbackPairs {
  #acceptor: { readonly handle: TcpHandle; readonly port: number } | undefined;
  /** Connecting: their own port is not known yet. */
  readonly #connecting = new Set<Waiting>();
  readonly #connected = new Map<number, Waiting>();
  /** By the port that they come from, until it is known whether it is one of ours. */
  readonly #accepted = new Map<number, TcpHandle>();

  /** `bind` without the shim's hook. */
  constructor(private readonly bind: (handle: TcpHandle, address: string, port: number) => number) {}

  /** Gives one end, which is connecting; the other follows, unless the socket fails or is closed before. */
  open(onFar: (far: TcpHandle) => void): Socket {
    this.#acceptor ??= this.#listen();
    if (!this.#acceptor) return new Socket().destroy(systemError('EADDRNOTAVAIL', 'listen'));
    const near = connectOnHost(this.#acceptor.port, LOOPBACK);
    const waiting = { near, onFar };
    this.#connecting.add(waiting);
    near.once('connect', () => {
      this.#connected.set(near.localPort!, waiting);
      this.#known(waiting);
    });
    near.once('close', () => {
      for (const [ownPort, each] of this.#connected) if (each === waiting) this.#connected.delete(ownPort);
      this.#known(waiting);
    });
    return near;
  }

  /** Pairs that are not complete are closed. */
  close(): void {
    this.#acceptor?.handle.close();
    this.#acceptor = undefined;
    for (const { near } of [...this.#connecting, ...this.#connected.values()]) near.destroy();
    for (const far of this.#accepted.values()) far.close();
    this.#accepted.clear();
  }

  #listen(): { handle: TcpHandle; port: number } | undefined {
    const handle = new (reachTcp().TCP)(SERVER);
    const at: AddressOut = {};
    const error = this.bind(handle, LOOPBACK, 0) || handle.listen(BACKLOG) || handle.getsockname(at);
    if (error) return void handle.close();
    handle.unref(); // whoever waits for a connection holds the loop
    handle.onconnection = (status, far) => status === 0 && this.#accept(far as TcpHandle);
    return { handle, port: at.port! };
  }

  #accept(far: TcpHandle): void {
    const from: AddressOut = {};
    if (far.getpeername(from)) return far.close();
    this.#accepted.set(from.port!, far);
    this.#match();
  }

  #known(waiting: Waiting): void {
    this.#connecting.delete(waiting);
    this.#match();
  }

  #match(): void {
    for (const [port, far] of this.#accepted) {
      const ours = this.#connected.get(port);
      if (!ours && this.#connecting.size > 0) continue;
      this.#accepted.delete(port);
      this.#connected.delete(port);
      if (ours) ours.onFar(far);
      else far.close();
    }
  }
}
