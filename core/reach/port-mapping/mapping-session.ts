/**
 * One mapping with one router, from the search to its end.
 *
 *   looking --speaks--> mapping --mapped--> mapped --expired or refused--> looking ...
 *      ^  |                |                  |  ^
 *      |  +--nobody does   +--refused:        |  +-- renewed at half its lifetime (RFC 6887 section 11.2.1), and made
 *      |          |           the next one    |      again when the router tells that it has started anew
 *    later        v                           v
 *      +-------- none                       closed: the mapping is deleted
 *
 * All protocols are asked at once whether the router speaks them, which leaves nothing there; a mapping is made by one.
 */
import { backOff } from '../../back-off';
import type { DatagramPort, Gateway, Timer } from '../../runtime';
import type { Endpoint } from '../../wire/addresses';
import { KeptMapping, type Made } from './kept-mapping';
import type { GatewayPorts, MappingClient, MappingProtocol, MappingResult, WantedMapping } from './contract';
import { NatPmpClient } from './nat-pmp-client';
import { PcpClient } from './pcp-client';
import { UpnpClient } from './upnp-client';

const CLIENTS = { pcp: PcpClient, 'nat-pmp': NatPmpClient, upnp: UpnpClient };

/** So long a less good protocol waits for what a better one says, ms. */
const PATIENCE_MS = 500;
/** Until it is tried again where the reason may pass, s. */
const RETRY_S = { first: 60, limit: 3_600 };

export interface SessionReport {
  readonly state: 'looking' | 'mapped' | 'none';
  readonly protocol?: MappingProtocol;
  readonly endpoint?: Endpoint;
  /** The router's outside address, when that is behind another NAT. */
  readonly doubleNat?: string;
  /** Why there is no mapping by a protocol that the router speaks. */
  readonly refusals: ReadonlyMap<MappingProtocol, string>;
}

export interface SessionOptions {
  readonly ports: GatewayPorts;
  readonly gateway: Gateway;
  readonly wanted: WantedMapping;
  readonly nonce: Uint8Array;
  /** The best first. */
  readonly protocols: readonly MappingProtocol[];
  onReport(report: SessionReport): void;
  onDrop(reason: 'not the router' | 'not understood'): void;
}

export class MappingSession {
  private socket: DatagramPort | undefined;
  private clients: MappingClient[] = [];
  /** What is known; those of which nothing is known yet are missing. */
  private readonly speaks = new Map<MappingClient, boolean>();
  private readonly refusals = new Map<MappingProtocol, string>();
  private active: MappingClient | undefined;
  private kept: KeptMapping | undefined;
  private endpoint: Endpoint | undefined;
  private wanted: WantedMapping;
  private state: 'looking' | 'mapping' | 'mapped' | 'none' | 'closed' = 'looking';
  private isPatient = true;
  private retryAfterS: number | undefined;
  private retries = 0;
  private wasMapped = false;
  private timer: Timer | undefined;

  constructor(private readonly options: SessionOptions) {
    this.wanted = options.wanted;
  }

  async start(): Promise<void> {
    const { ports, gateway } = this.options;
    const socket = await ports.openDatagramPort({
      family: gateway.family,
      address: gateway.localAddress,
      onDatagram: (datagram, from) => this.receive(datagram, from),
      onSendError: () => {}, // as if it were lost
    });
    if (this.state === 'closed') return socket.close();
    this.socket = socket;
    this.look();
  }

  /** Settled when the router has answered or does not, and never late. */
  close(): Promise<void> {
    const { active } = this;
    if (this.state === 'closed') return Promise.resolve();
    this.state = 'closed';
    this.quiet();
    return new Promise((resolve) => {
      const end = (): void => {
        active?.stop();
        this.socket?.close();
        resolve();
      };
      if (active) active.unmap(this.wanted, end);
      else end();
    });
  }

  /** The network that it was in is gone: nobody there can be told. */
  abandon(): void {
    this.active = undefined;
    void this.close();
  }

  private look(): void {
    this.quiet();
    this.state = 'looking';
    this.active = undefined;
    this.endpoint = undefined;
    this.isPatient = true;
    this.retryAfterS = undefined;
    this.speaks.clear();
    this.refusals.clear();
    this.report();
    const { ports, gateway, nonce, protocols } = this.options;
    const options = { ports, gateway, nonce, send: (bytes: Uint8Array, to: Endpoint) => this.socket?.send(bytes, to) };
    this.clients = protocols.map((protocol) => new CLIENTS[protocol](options));
    this.timer = ports.timers.schedule(PATIENCE_MS, () => {
      this.isPatient = false;
      this.choose();
    });
    for (const client of this.clients) {
      client.discover((speaks) => {
        this.speaks.set(client, speaks);
        this.choose();
      });
    }
  }

  private choose(): void {
    if (this.state !== 'looking') return;
    for (const client of this.clients) {
      const speaks = this.speaks.get(client);
      if (speaks) return this.make(client);
      if (speaks === undefined && this.isPatient) return;
    }
    if (this.speaks.size === this.clients.length) this.giveUp();
  }

  private make(client: MappingClient): void {
    this.state = 'mapping';
    this.active = client;
    client.map(this.wanted, (result) => {
      if (result.outcome === 'mapped') return this.made(client, result);
      if (result.outcome === 'double NAT') {
        return client.unmap(this.wanted, () => {
          this.active = undefined;
          this.giveUp(result.address);
        });
      }
      this.speaks.set(client, false);
      this.active = undefined;
      // It may have been made all the same. The next one need not wait for the answer.
      if (result.outcome === 'silent') client.unmap(this.wanted, () => {});
      this.refused(client, result);
      this.state = 'looking';
      this.choose();
    });
  }

  private refused(
    { protocol }: MappingClient,
    result: Exclude<MappingResult, { outcome: 'mapped' | 'double NAT' }>,
  ): void {
    this.refusals.set(protocol, result.outcome === 'silent' ? 'no answer' : result.why);
    const retryAfterS = result.outcome === 'silent' ? 0 : result.retryAfterS;
    if (retryAfterS !== undefined) this.retryAfterS = Math.max(retryAfterS, this.retryAfterS ?? 0);
  }

  /** A router that has mapped before may come back. */
  private giveUp(doubleNat?: string): void {
    const { timers } = this.options.ports;
    this.stopSearches();
    this.state = 'none';
    this.report(doubleNat);
    if (this.retryAfterS === undefined && !this.wasMapped) return this.socket?.close();
    const delayS = Math.max(this.retryAfterS ?? 0, backOff(RETRY_S, this.retries++));
    this.timer = timers.schedule(Math.min(delayS, RETRY_S.limit) * 1_000, () => this.look());
  }

  private made(client: MappingClient, made: Made): void {
    this.stopSearches();
    this.state = 'mapped';
    this.wasMapped = true;
    this.retries = 0;
    const { ports, gateway } = this.options;
    this.kept = new KeptMapping(
      {
        ...{ ports, gateway, client, wanted: this.wanted },
        onRenewed: (endpoint) => {
          this.endpoint = endpoint;
          this.report();
        },
        onLost: () => this.lost(client),
      },
      made,
    );
    this.endpoint = made.endpoint;
    this.report();
  }

  /** A look stops the clients: it waits until the mapping is taken away. */
  private lost(client: MappingClient): void {
    this.state = 'looking';
    this.endpoint = undefined;
    client.unmap(this.kept!.mapping, () => this.look());
    this.report();
  }

  private receive(datagram: Uint8Array, from: Endpoint): void {
    if (from.address !== this.options.gateway.address) return this.options.onDrop('not the router');
    if (!this.clients.some((client) => client.receive(datagram, from))) this.options.onDrop('not understood');
  }

  private report(doubleNat?: string): void {
    const { state, active, endpoint, refusals } = this;
    this.options.onReport({
      state: state === 'mapped' || state === 'none' ? state : 'looking',
      ...(active && endpoint && { protocol: active.protocol, endpoint }),
      ...(doubleNat !== undefined && { doubleNat }),
      refusals: new Map(refusals),
    });
  }

  /** Not those that take a mapping away. */
  private stopSearches(): void {
    this.timer?.cancel();
    for (const client of this.clients) if (!this.speaks.has(client)) client.stop();
  }

  private quiet(): void {
    for (const client of this.clients) client.stop();
    this.timer?.cancel();
    this.kept?.stop();
    if (this.kept) this.wanted = this.kept.mapping;
    this.kept = undefined;
  }
}
