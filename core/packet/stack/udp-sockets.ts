/**
 * The UDP sockets of a stack, and what arrives for them: queued while lwIP runs, delivered when it has returned, as
 * reports.ts does for TCP. Declares udp.c and reassembly.c.
 */
import type { Endpoint } from '../../wire/addresses';
import { formatIp, parseIp } from '../../wire/ip-text';
import type { Core } from './core';
import type { UdpEvents, UdpFailure, UdpOpenOptions, UdpSocket } from './stack-contract';
import { Err, isErr, openError, stackError } from './tcp';

export interface UdpExports {
  udp_open(id: number, family: number, port: number): number;
  udp_port(pcb: number): number;
  udp_send_to(pcb: number, family: number, port: number, length: number, mtu: number): number;
  udp_close(pcb: number): void;
  udp_close_all(): void;
  reassembly_note(): void;
  reassembly_close(): void;
}

export interface UdpImports {
  datagram(socket: number, chain: number, family: number, port: number): number;
}

/** Of IP and UDP: lwIP counts a whole packet, before it is cut into fragments, in 16 bits. */
const HEADERS = { 4: 28, 6: 48 } as const;
/** Where udp.c looks for what is to be sent. */
const PAYLOAD = 32;
/** Bytes that wait for their owner; what comes beyond is lost, as in a kernel's receive buffer. */
const QUEUE_LIMIT = 4 << 20;

const RECENT_ADDRESSES = 4;
/** Endpoints that a socket has sent to, of which it is remembered, where not everybody may send to this node. */
const ASKED_LIMIT = 1_024;

interface Arrived {
  readonly socket: Socket;
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly to: string;
}

export class UdpSockets {
  private readonly sockets = new Map<number, Socket>();
  private readonly addresses = new RecentAddresses();
  private arrived: Arrived[] = [];
  private arrivedBytes = 0;
  private lastId = 0;
  /** Datagrams that found the queue full, or their owner's. */
  overflows = 0;
  /** Datagrams that their owners gave up. */
  unsent = 0;

  constructor(private readonly core: Core) {}

  readonly imports: UdpImports = {
    datagram: (id, chain, family, port) => {
      const socket = this.sockets.get(id);
      if (socket) {
        const length = family === 4 ? 4 : 16;
        const from = { address: this.addressAt(0, length), port };
        if (!this.admits(socket, from, length)) return 0;
        this.take(socket, chain, from, length);
      }
      this.core.wasm.pbuf_release(chain);
      return 1;
    },
  };

  /** Throws StackError. */
  open(options: UdpOpenOptions, events: UdpEvents): UdpSocket {
    const socket = new Socket(this.core, ++this.lastId, options, events, {
      closed: ({ id }) => this.sockets.delete(id),
      overflowed: () => this.overflows++,
      unsent: () => this.unsent++,
    });
    socket.open();
    this.sockets.set(socket.id, socket);
    return socket;
  }

  /** After lwIP was started anew. */
  reopen(): void {
    for (const socket of this.sockets.values()) socket.open();
  }

  deliver(): void {
    while (this.arrived.length > 0) {
      const batch = this.arrived;
      this.arrived = [];
      this.arrivedBytes = 0;
      for (const { socket, bytes, from, to } of batch)
        if (socket.accepts(from)) socket.events.received(bytes, from, to);
    }
  }

  /** Of those that are open. */
  get ports(): number[] {
    return [...this.sockets.values()].map(({ port }) => port);
  }

  /**
   * A datagram that did not come as a packet. `refused`: no socket hears it, whoever bound that port is connected
   * elsewhere or of the other IP version. Undefined: whoever would, has no room for it now.
   */
  inject(bytes: Uint8Array, from: Endpoint, to: Endpoint): 'taken' | 'refused' | undefined {
    const socket = [...this.sockets.values()].find((each) => each.hears(to) && each.accepts(from));
    if (!socket) return 'refused';
    return socket.events.received(bytes, from, to.address) === false ? undefined : 'taken';
  }

  /** An ICMP error told that a datagram from this port did not arrive at `remote`. */
  failed(localPort: number, remote: Endpoint, reason: UdpFailure): void {
    for (const socket of [...this.sockets.values()]) {
      if (socket.local.port === localPort && socket.isConnectedTo(remote)) socket.events.failed(reason);
    }
  }

  /** lwIP has moved what was bound to the address that the node had before. */
  renumber(before: string, now: string): void {
    for (const socket of this.sockets.values()) if (socket.address === before) socket.address = now;
  }

  close(): void {
    for (const socket of [...this.sockets.values()]) socket.close();
    this.arrived = [];
  }

  /** Of the scratch area. */
  private addressAt(offset: number, length: number): string {
    const { bytes, scratch } = this.core.memory;
    return this.addresses.text(bytes, scratch + offset, length);
  }

  /**
   * What comes from where a socket has sent to is an answer, as long as the socket is open: a program that asked hears
   * of it, however late. By the whole endpoint, as a NAT or firewall would (RFC 4787 section 5, "address and
   * port-dependent filtering").
   */
  private admits(socket: Socket, from: Endpoint, addressLength: number): boolean {
    const { inbound, memory } = this.core;
    if (!inbound) return true;
    const { bytes, scratch } = memory;
    if (inbound.admits('udp', bytes, scratch, addressLength, socket.port) || socket.hasAsked(from)) return true;
    inbound.refused('udp', bytes, scratch, addressLength, socket.port);
    return false;
  }

  private take(socket: Socket, chain: number, from: Endpoint, addressLength: number): void {
    const { wasm, memory } = this.core;
    const parts: Uint8Array[] = [];
    for (let pbuf = chain; pbuf !== 0; pbuf = wasm.pbuf_next(pbuf)) {
      const payload = wasm.pbuf_payload(pbuf) >>> 0;
      parts.push(memory.bytes.slice(payload, payload + wasm.pbuf_length(pbuf)));
    }
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (this.arrivedBytes + bytes.length > QUEUE_LIMIT) {
      this.overflows++;
      return;
    }
    this.arrivedBytes += bytes.length;
    this.arrived.push({ socket, bytes, from, to: this.addressAt(16, addressLength) });
  }
}

/** Texts of the addresses seen last: datagrams come in trains. */
class RecentAddresses {
  private readonly rows: { readonly bytes: Uint8Array; readonly text: string }[] = [];
  private next = 0;

  text(memory: Uint8Array, at: number, length: number): string {
    const known = this.rows.find(
      ({ bytes }) => bytes.length === length && bytes.every((byte, i) => memory[at + i] === byte),
    );
    if (known) return known.text;
    const bytes = memory.slice(at, at + length);
    const row = { bytes, text: formatIp(bytes) };
    this.rows[this.next] = row;
    this.next = (this.next + 1) % RECENT_ADDRESSES;
    return row.text;
  }
}

class Socket implements UdpSocket {
  address: string;
  port: number;
  private readonly family: 4 | 6 | 46;
  /** lwIP's address of it; 0 when closed. */
  private pcb = 0;
  private remote: Endpoint | undefined;
  /** Where the last datagram went: most often where the next one goes. */
  private lastTo = { address: '', bytes: undefined as Uint8Array | undefined };
  /** Where this socket has sent to, the last ones last; of both the newest is kept at hand, which needs no key. */
  private readonly asked = new Set<string>();
  private lastAsked: Endpoint | undefined;
  private lastAnswer: Endpoint | undefined;

  constructor(
    private readonly core: Core,
    readonly id: number,
    { address, port, ipv6Only = false }: UdpOpenOptions,
    readonly events: UdpEvents,
    private readonly on: { closed(socket: Socket): void; overflowed(): void; unsent(): void },
  ) {
    const bytes = parseIp(address);
    if (!bytes) throw stackError('EINVAL', `not an IP address: ${address}`);
    this.family = bytes.length === 4 ? 4 : address === '::' && !ipv6Only ? 46 : 6;
    this.address = address;
    this.port = port;
  }

  get local(): Endpoint {
    return { address: this.address, port: this.port };
  }

  /** Throws StackError. */
  open(): void {
    const { wasm, memory } = this.core;
    memory.bytes.set(parseIp(this.address) ?? [], memory.scratch);
    const result = wasm.udp_open(this.id, this.family, this.port);
    if (isErr(result)) throw openError(result);
    this.pcb = result;
    this.port = wasm.udp_port(result);
  }

  connect(remote: Endpoint): void {
    this.remote = remote;
  }

  disconnect(): void {
    this.remote = undefined;
  }

  accepts({ address, port }: Endpoint): boolean {
    if (this.pcb === 0) return false;
    return !this.remote || (this.remote.address === address && this.remote.port === port);
  }

  hears({ address, port }: Endpoint): boolean {
    const family = address.includes(':') ? 6 : 4;
    const isWildcard = this.address === '::' || this.address === '0.0.0.0';
    return (
      this.port === port && (this.family === 46 || this.family === family) && (isWildcard || this.address === address)
    );
  }

  /** Whether this socket has sent to this endpoint. */
  hasAsked(from: Endpoint): boolean {
    if (isSame(this.lastAnswer, from)) return true;
    if (!this.asked.has(endpointKey(from))) return false;
    this.lastAnswer = from;
    return true;
  }

  isConnectedTo({ address, port }: Endpoint): boolean {
    return this.remote?.address === address && this.remote.port === port;
  }

  send(bytes: Uint8Array, to: Endpoint | undefined = this.remote): UdpFailure | undefined {
    const address = to && this.parsed(to.address);
    if (!address || !(to.port > 0 && to.port < 65536)) return 'EINVAL';
    if (this.pcb === 0) return 'EBADF';
    const family = address.length === 4 ? 4 : 6;
    if (this.family !== 46 && this.family !== family) return 'EAFNOSUPPORT';
    if (bytes.length > 65_535 - HEADERS[family]) return 'EMSGSIZE';
    const { wasm, memory } = this.core;
    memory.bytes.set(address, memory.scratch);
    memory.bytes.set(bytes, memory.scratch + PAYLOAD);
    if (this.core.inbound && !isSame(this.lastAsked, to)) this.remember(address, to);
    this.core.enter();
    const error = wasm.udp_send_to(this.pcb, family, to.port, bytes.length, this.core.pathMtu(to.address));
    this.core.leave();
    return error === Err.OK ? undefined : failureOf(error);
  }

  private parsed(address: string): Uint8Array | undefined {
    if (this.lastTo.address !== address) this.lastTo = { address, bytes: parseIp(address) };
    return this.lastTo.bytes;
  }

  private remember(address: Uint8Array, to: Endpoint): void {
    this.lastAsked = { address: to.address, port: to.port };
    const key = endpointKey({ address: formatIp(address), port: to.port });
    this.asked.delete(key);
    this.asked.add(key);
    if (this.asked.size <= ASKED_LIMIT) return;
    this.asked.delete(this.asked.values().next().value!);
    this.lastAnswer = undefined;
  }

  countOverflow(): void {
    this.on.overflowed();
  }

  countUnsent(): void {
    this.on.unsent();
  }

  close(): void {
    if (this.pcb === 0) return;
    this.core.wasm.udp_close(this.pcb);
    this.pcb = 0;
    this.on.closed(this);
  }
}

function isSame(one: Endpoint | undefined, other: Endpoint): boolean {
  return one?.port === other.port && one.address === other.address;
}

function endpointKey({ address, port }: Endpoint): string {
  return `${port} ${address}`;
}

function failureOf(error: number): UdpFailure {
  if (error === Err.MEM || error === Err.BUF) return 'ENOBUFS';
  return error === Err.RTE ? 'EADDRNOTAVAIL' : 'EINVAL';
}
