/**
 * Sends by the handle under a dgram socket (Node's src/udp_wrap.cc), which spares what node:dgram does for every
 * datagram: a callback in the next tick and a look-up (2 us less). Reading by it would gain nothing. Where a version of
 * Node does not have the handle in this shape, `udpHandle` finds none and the public API is used.
 *
 * Node aborts the process when send() gets something else than (object, array of views, integer, uint16, string,
 * boolean): callers check the port.
 */
import type { Socket } from 'node:dgram';
import { constants } from 'node:os';
import type { Endpoint } from './wire/addresses';

/** Bytes of datagrams that wait for room in the kernel's buffer; what comes beyond is lost, as UDP's may be. */
export const QUEUE_LIMIT_BYTES = 4 << 20;
export const ENOBUFS = -constants.errno.ENOBUFS;

/** Node's SendWrap. It and what is sent must live until `oncomplete`, which is called only for what was queued. */
export interface SendRequest {
  oncomplete?: (status: number) => void;
}

/** Node's UDP. */
export interface UdpHandle {
  /**
   * At once if the kernel takes it: the length plus 1 is returned, and nothing refers to the datagram any more.
   * 0: queued until the kernel has room. Less: an errno, and it was not sent. `address` is a literal.
   */
  send(
    request: SendRequest,
    datagram: readonly Uint8Array[],
    count: 1,
    port: number,
    address: string,
    hasCallback: boolean,
  ): number;
}

/** What the socket does first with the address that it is to send to. */
interface Resolving {
  lookup(address: string, callback: (error: null, address: string) => void): void;
}

export interface FoundHandle {
  readonly handle: UdpHandle;
  readonly SendRequest: new () => SendRequest;
}

let sendRequestClass: (new () => SendRequest) | undefined;

/** The handle of a bound, unconnected socket. */
export function udpHandle(socket: Socket): FoundHandle | undefined {
  const key = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === 'state symbol');
  const state = key && (socket as unknown as Record<symbol, { handle?: Partial<UdpHandle> | null } | undefined>)[key];
  const handle = state?.handle;
  if (typeof handle?.send !== 'function') return undefined;
  sendRequestClass ??= seenSendRequest(socket, handle);
  return sendRequestClass && { handle: handle as UdpHandle, SendRequest: sendRequestClass };
}

/** Node keeps the class to itself, but makes one for each send(), which here gets no further than to the handle. */
function seenSendRequest(socket: Socket, handle: Partial<UdpHandle & Resolving>): (new () => SendRequest) | undefined {
  const { send, lookup } = handle;
  let seen: SendRequest | undefined;
  handle.lookup = (address, callback) => callback(null, address); // at once, while this function looks
  handle.send = (request) => {
    seen = request;
    return 1;
  };
  socket.send(new Uint8Array(0), 9, '::1');
  handle.send = send!;
  handle.lookup = lookup!;
  return seen?.constructor as (new () => SendRequest) | undefined;
}

export class HandleSender {
  private request: SendRequest;
  private memory = new Uint8Array(2_048);
  private datagram: [Uint8Array] = [this.memory];
  private queuedBytes = 0;

  /** `onError` gets a negative errno. */
  constructor(
    private readonly found: FoundHandle,
    private readonly onError: (errno: number, to: Endpoint) => void,
  ) {
    this.request = new found.SendRequest();
  }

  send(datagram: Uint8Array, to: Endpoint): void {
    if (this.queuedBytes >= QUEUE_LIMIT_BYTES) return this.onError(ENOBUFS, to);
    // Always a copy (0.1 us), since only afterwards can be known whether it was queued.
    const own = this.room(datagram.length);
    own[0].set(datagram);
    const status = this.found.handle.send(this.request, own, 1, to.port, to.address, true);
    if (status === 0) this.queued(to);
    else if (status < 0) this.onError(status, to);
  }

  private room(length: number): [Uint8Array] {
    if (this.datagram[0].length === length) return this.datagram;
    if (this.memory.length < length) this.memory = new Uint8Array(length);
    this.datagram = [this.memory.subarray(0, length)];
    return this.datagram;
  }

  /** The memory and the request of the last send are not ours any more. */
  private queued(to: Endpoint): void {
    const { memory, datagram } = this;
    this.queuedBytes += memory.length;
    this.request.oncomplete = (status) => {
      this.queuedBytes -= memory.length;
      if (status < 0) this.onError(status, to);
    };
    this.request = new this.found.SendRequest();
    this.memory = new Uint8Array(datagram[0].length);
    this.datagram = [this.memory];
  }
}
