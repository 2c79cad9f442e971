/** A connection of the stack whose owner is in a worker thread (remote-connection.ts). */
import type { TcpConnection, TcpEvents, TcpFailure } from '../packet/stack/stack-contract';
import type { VirtualNetwork } from '../virtual-network';
import { plainError, type TcpEvent, type TcpRequest } from './messages';

export class HostedConnection implements TcpEvents {
  private connection: TcpConnection | undefined;
  /** Written by the worker, and more than the send buffer had room for. */
  private readonly unsent: Uint8Array[] = [];
  /** In all, by the stack. */
  private taken = 0;
  private isEnding = false;

  constructor(
    private readonly post: (event: TcpEvent) => void,
    private readonly onOver: () => void,
    private readonly network: VirtualNetwork,
  ) {}

  connect(connect: (events: TcpEvents) => TcpConnection): void {
    try {
      this.connection = connect(this);
    } catch (error) {
      this.failed((error as { code?: TcpFailure }).code ?? 'EADDRNOTAVAIL', error as Error);
    }
  }

  accept(connection: TcpConnection): void {
    this.connection = connection;
    connection.setEvents(this);
  }

  take(request: TcpRequest): void {
    const { connection } = this;
    if (!connection) return;
    if ('write' in request) {
      this.unsent.push(request.write);
      this.pump(connection);
    } else if ('consumed' in request) connection.consumed(request.consumed);
    else if ('shutdown' in request) {
      this.isEnding = true;
      this.pump(connection);
    } else if ('abort' in request) {
      connection.abort();
      this.over();
    } else if ('noDelay' in request) connection.setNoDelay(request.noDelay);
    else connection.setKeepAlive(request.keepAlive, request.initialDelayMs);
  }

  connected(): void {
    const { local, remote } = this.connection!;
    this.post({ connected: { local, remote, name: this.network.nameOf(remote.address) } });
  }

  received(bytes: Uint8Array): void {
    this.post({ received: new Uint8Array(bytes) });
  }

  ended(): void {
    this.post({ ended: true });
  }

  drained(): void {
    if (this.connection) this.pump(this.connection);
  }

  failed(reason: TcpFailure, cause?: Error): void {
    this.post({ failed: reason, cause: cause && plainError(cause) });
    this.over();
  }

  closed(): void {
    this.post({ closed: true });
    this.over();
  }

  private pump(connection: TcpConnection): void {
    for (let head = this.unsent[0]; head; head = this.unsent[0]) {
      const accepted = connection.write(head);
      this.taken += accepted;
      if (accepted === head.length) this.unsent.shift();
      else {
        this.unsent[0] = head.subarray(accepted);
        break;
      }
    }
    this.post({ taken: this.taken, acknowledged: this.taken - connection.unacknowledgedLength });
    if (!this.isEnding || this.unsent.length > 0) return;
    this.isEnding = false;
    connection.shutdown();
  }

  private over(): void {
    this.connection = undefined;
    this.onOver();
  }
}
