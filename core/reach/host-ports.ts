/**
 * The node's sockets on its host's network: one UDP socket per IP version carries signalling and tunnels; where no UDP
 * passes, servers are reached over TLS (detour.ts).
 */
import type { DatagramPort, Runtime } from '../runtime';
import type { Endpoint } from '../wire/addresses';
import { SIGNALLING_MAGIC } from '../wire/header';
import { Detour, type Way } from './detour';

/** Datagrams of tunnels begin with 1 to 4 (wire/header.ts): they go to no server. */
const LAST_TUNNEL_TYPE = 4;

export interface HostPortsOptions {
  readonly runtime: Runtime;
  /** No UDP socket is opened. */
  readonly tlsOnly: boolean;
  onDatagram(datagram: Uint8Array, from: Endpoint): void;
  onSendError(error: Error & { code?: string }, to: Endpoint): void;
  /** See DetourOptions. */
  onChange(way: Way): void;
  onLost(server: Endpoint): void;
}

export class HostPorts {
  /** The ways to servers. */
  readonly detour: Detour;
  /** The UDP sockets, one for each IP version that the host has. */
  readonly sockets: DatagramPort[] = [];

  constructor(private readonly options: HostPortsOptions) {
    const { runtime, tlsOnly, onDatagram, onChange, onLost } = options;
    const { clock, timers, random } = runtime;
    this.detour = new Detour({
      ...{ clock, timers, random, tlsOnly, onDatagram, onChange, onLost },
      openStreamPort: (to, events) => runtime.openStreamPort(to, events),
      sendByUdp: (datagram, to) => this.sendByUdp(datagram, to),
    });
  }

  /** Never rejects: a host may lack an IP version. */
  async open(): Promise<void> {
    const { runtime, tlsOnly } = this.options;
    const opened = await Promise.allSettled(
      (tlsOnly ? [] : ([4, 6] as const)).map((family) =>
        runtime.openDatagramPort({
          family,
          onDatagram: (datagram, from) => this.receive(datagram, from),
          onSendError: (error, to) => this.sendFailed(error, to),
        }),
      ),
    );
    for (const port of opened) if (port.status === 'fulfilled') this.sockets.push(port.value);
  }

  /** Whether there is a UDP socket of the IP version. */
  canSendTo(endpoint: Endpoint): boolean {
    return this.portFor(endpoint) !== undefined;
  }

  send(datagram: Uint8Array, to: Endpoint): void {
    const isForPeer = datagram[0]! <= LAST_TUNNEL_TYPE;
    if (isForPeer || !this.detour.send(datagram, to)) this.sendByUdp(datagram, to);
  }

  close(): void {
    this.detour.close();
    for (const port of this.sockets) port.close();
  }

  private receive(datagram: Uint8Array, from: Endpoint): void {
    if (datagram[0] === SIGNALLING_MAGIC && this.detour.receivedByUdp(datagram, from)) return;
    this.options.onDatagram(datagram, from);
  }

  private sendByUdp(datagram: Uint8Array, to: Endpoint): void {
    const port = this.portFor(to);
    if (port) port.send(datagram, to);
    else this.sendFailed(Object.assign(new Error('no socket of this IP version'), { code: 'EAFNOSUPPORT' }), to);
  }

  private portFor(endpoint: Endpoint): DatagramPort | undefined {
    const family = endpoint.address.includes(':') ? 6 : 4;
    for (const port of this.sockets) if (port.family === family) return port;
    return undefined;
  }

  /** EPERM: a firewall of this host lets no UDP out (netfilter's answer to what it drops). */
  private sendFailed(error: Error & { code?: string }, to: Endpoint): void {
    if (error.code === 'EPERM' && (this.detour.forbidden(to) || this.detour.way === 'tls')) return;
    this.options.onSendError(error, to);
  }
}
