/**
 * The node's sockets on its host's network: one UDP socket per IP version carries signalling and tunnels; where no UDP
 * passes, servers are reached over TLS, and where the host's own interface carries nothing, by another one (detour.ts).
 */
import { backOff } from '../back-off';
import type { DatagramPort, Runtime, Sender, Timer } from '../runtime';
import { type Endpoint, familyOf } from '../wire/addresses';
import { LAST_TUNNEL_TYPE, SIGNALLING_MAGIC } from '../wire/header';
import { Detour, type OtherSocket, type Way } from './detour';

/** A socket that is none any more, as where a system takes the sockets of programs that it has suspended. */
const BROKEN = new Set(['EBADF', 'ENOTSOCK', 'ENOTCONN', 'EPIPE', 'ESHUTDOWN', 'ERR_SOCKET_DGRAM_NOT_RUNNING']);
const REOPEN_MS = { first: 100, limit: 5_000 };

export interface HostPortsOptions {
  readonly runtime: Runtime;
  /** No UDP socket is opened. */
  readonly tlsOnly: boolean;
  onDatagram(datagram: Uint8Array, from: Endpoint): void;
  onSendError(error: Error & { code?: string }, to: Endpoint): void;
  /** See DetourOptions. */
  others(family: 4 | 6): readonly OtherSocket[];
  onChange(way: Way, before: Way): void;
  onLost(server: Endpoint): void;
  /** There is a socket that was not there before: this node is at another port, or has an IP version more. */
  onOpened(): void;
}

export class HostPorts {
  /** The ways to servers. */
  readonly detour: Detour;
  /** The UDP sockets, one for each IP version that the host has. */
  readonly sockets: DatagramPort[] = [];
  /** Of servers that are reached by another interface. */
  private readonly senders = new WeakMap<Endpoint, Sender>();
  private readonly opening = new Set<4 | 6>();
  private readonly retries = new Map<4 | 6, Timer>();
  private closed = false;

  constructor(private readonly options: HostPortsOptions) {
    const { runtime, tlsOnly, others, onDatagram, onChange, onLost } = options;
    const { clock, timers, random } = runtime;
    this.detour = new Detour({
      ...{ clock, timers, random, tlsOnly, others, onDatagram, onChange, onLost },
      openStreamPort: (to, events) => runtime.openStreamPort(to, events),
      sendByUdp: (datagram, to) => this.sendByUdp(datagram, to),
    });
  }

  /** Never rejects: a host may lack an IP version. */
  async open(): Promise<void> {
    await Promise.all(this.families.map((family) => this.openPort(family)));
  }

  /** The host has another network, and perhaps an IP version that it had not: what is missing is opened, some time. */
  hostMoved(): void {
    this.detour.hostMoved();
    for (const family of this.families) this.reopen(family, 0, 0);
  }

  /** Whether there is a UDP socket of the IP version. */
  canSendTo(endpoint: Endpoint): boolean {
    return this.portFor(endpoint) !== undefined;
  }

  send(datagram: Uint8Array, to: Endpoint): void {
    if (datagram[0]! <= LAST_TUNNEL_TYPE) return this.sendByUdp(datagram, to); // to no server
    const by = this.senders.get(to);
    if (by) by.send(datagram, to);
    else if (!this.detour.send(datagram, to)) this.sendByUdp(datagram, to);
  }

  /** What goes to this server leaves by that socket: the endpoint is known by identity. */
  sendBy(by: Sender, to: Endpoint): void {
    this.senders.set(to, by);
  }

  /** What has come by a socket of another interface, and is of no tunnel. */
  receiveBy(datagram: Uint8Array, from: Endpoint, by: OtherSocket): void {
    const isSignalling = datagram[0] === SIGNALLING_MAGIC;
    this.options.onDatagram(datagram, isSignalling ? this.detour.receivedByOther(from, by) : from);
  }

  close(): void {
    this.closed = true;
    this.detour.close();
    for (const timer of this.retries.values()) timer.cancel();
    this.retries.clear();
    for (const port of this.sockets) port.close();
  }

  private get families(): readonly (4 | 6)[] {
    return this.options.tlsOnly ? [] : [4, 6];
  }

  /** `port`: rather this one. False: the host has none to give now. */
  private async openPort(family: 4 | 6, port = 0): Promise<boolean> {
    this.opening.add(family);
    try {
      const opened: DatagramPort = await this.options.runtime.openDatagramPort({
        ...{ family, port },
        onDatagram: (datagram, from) => this.receive(datagram, from),
        onSendError: (error, to) => this.sendFailed(error, to, opened),
      });
      if (this.closed) opened.close();
      else this.sockets.push(opened);
      return true;
    } catch {
      return false;
    } finally {
      this.opening.delete(family);
    }
  }

  /** Again and again while the host has addresses of this IP version. */
  private reopen(family: 4 | 6, port: number, failures: number): void {
    this.retries.get(family)?.cancel();
    this.retries.delete(family);
    const isWanted = this.options.runtime.hostAddresses().some((each) => each.family === family && !each.loopback);
    const isThere = this.opening.has(family) || this.sockets.some((socket) => socket.family === family);
    if (this.closed || !isWanted || isThere) return;
    void this.openPort(family, failures === 0 ? port : 0).then((isOpen) => {
      if (this.closed) return;
      if (isOpen) return this.options.onOpened();
      const delayMs = backOff(REOPEN_MS, failures);
      this.retries.set(
        family,
        this.options.runtime.timers.schedule(delayMs, () => this.reopen(family, port, failures + 1)),
      );
    });
  }

  /** Its port is asked for again: a NAT may know it. */
  private replace(broken: DatagramPort): void {
    const index = this.sockets.indexOf(broken);
    if (index < 0) return;
    this.sockets.splice(index, 1);
    broken.close();
    this.reopen(broken.family, broken.local.port, 0);
  }

  private receive(datagram: Uint8Array, from: Endpoint): void {
    if (datagram[0] === SIGNALLING_MAGIC && this.detour.receivedByUdp(datagram, from)) return;
    this.options.onDatagram(datagram, from);
  }

  private sendByUdp(datagram: Uint8Array, to: Endpoint): void {
    const port = this.portFor(to);
    if (port) return port.send(datagram, to);
    const error = Object.assign(new Error('no socket of this IP version'), { code: 'EAFNOSUPPORT' });
    // Later, as sockets do: what sends may not be called back, as the virtual stack.
    this.options.runtime.timers.soon(() => this.closed || this.sendFailed(error, to));
  }

  private portFor(endpoint: Endpoint): DatagramPort | undefined {
    const family = familyOf(endpoint);
    for (const port of this.sockets) if (port.family === family) return port;
    return undefined;
  }

  /** EPERM: a firewall of this host lets no UDP out (netfilter's answer to what it drops). */
  private sendFailed(error: Error & { code?: string }, to: Endpoint, by?: DatagramPort): void {
    if (by && BROKEN.has(error.code ?? '')) this.replace(by);
    if (error.code === 'EPERM' && (this.detour.forbidden(to) || this.detour.way === 'tls')) return;
    this.options.onSendError(error, to);
  }
}
