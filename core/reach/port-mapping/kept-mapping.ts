/**
 * A mapping that was made, as long as the router keeps it: renewed before its lifetime is over (RFC 6887 section
 * 11.2.1), and made again when the router tells that it has started anew.
 */
import type { Gateway, Timer } from '../../runtime';
import type { Endpoint } from '../../wire/addresses';
import type { GatewayPorts, MappingClient, MappingResult, WantedMapping } from './contract';

/** Section 11.2.1: between half and five eighths of what is left, and never sooner than 4 s. */
const RENEWAL_AT = 1 / 2;
const RENEWAL_SPREAD = 1 / 8;
const SHORTEST_RENEWAL_MS = 4_000;
/** Not all hosts of a network come at once after a router's start; and who feigns starts gains little. */
const RESTART_SPREAD_MS = 2_000;
const RESTART_PAUSE_MS = 5_000;
/** What a router that has started anew had is over; for so long it is asked to have it again. */
const RESTART_LIMIT_MS = 120_000;

export interface KeptMappingOptions {
  readonly ports: GatewayPorts;
  readonly gateway: Gateway;
  readonly client: MappingClient;
  readonly wanted: WantedMapping;
  /** Also when it is the same. */
  onRenewed(endpoint: Endpoint): void;
  /** It is over, and this with it. */
  onLost(): void;
}

export type Made = Extract<MappingResult, { outcome: 'mapped' }>;

export class KeptMapping {
  private wanted: WantedMapping;
  private expiresMs = 0;
  private renewal: Timer | undefined;
  private restart: Timer | undefined;
  private lastRestartMs = -Infinity;
  private readonly leaveGroup: () => void;

  constructor(
    private readonly options: KeptMappingOptions,
    made: Made,
  ) {
    const { ports, gateway, client, wanted } = options;
    this.wanted = wanted;
    const heard = (datagram: Uint8Array, from: Endpoint): void => {
      // Others of the network announce themselves, too, and are none of our business.
      if (from.address === gateway.address && client.isRestart(datagram)) this.restartSoon();
    };
    this.leaveGroup =
      gateway.family === 4 ? ports.joinGroup(client.announcements, gateway.localAddress, heard) : () => {};
    this.keep(made);
  }

  /** As it is with the router. */
  get mapping(): WantedMapping {
    return this.wanted;
  }

  stop(): void {
    this.renewal?.cancel();
    this.restart?.cancel();
    this.leaveGroup();
  }

  private keep({ endpoint, lifetimeS }: Made): void {
    this.expiresMs = this.options.ports.clock.now() + lifetimeS * 1_000;
    this.wanted = { ...this.wanted, externalPort: endpoint.port, externalAddress: endpoint.address };
    this.renewLater();
  }

  private renewLater(): void {
    const { clock, timers } = this.options.ports;
    const leftMs = Math.max(0, this.expiresMs - clock.now());
    const delayMs = Math.max(leftMs * (RENEWAL_AT + RENEWAL_SPREAD * this.fraction()), SHORTEST_RENEWAL_MS);
    this.renewal?.cancel();
    this.renewal = timers.schedule(Math.min(delayMs, leftMs), () => {
      if (this.expiresMs <= clock.now()) this.lost();
      else this.make();
    });
  }

  private restartSoon(): void {
    const { clock, timers } = this.options.ports;
    if (this.restart) return;
    const pauseMs = Math.max(0, this.lastRestartMs + RESTART_PAUSE_MS - clock.now());
    this.restart = timers.schedule(pauseMs + RESTART_SPREAD_MS * this.fraction(), () => {
      this.restart = undefined;
      this.lastRestartMs = clock.now();
      this.expiresMs = Math.min(this.expiresMs, clock.now() + RESTART_LIMIT_MS);
      this.make();
    });
  }

  /** The router is found anew before: UPnP's place may be another. */
  private make(): void {
    const { client } = this.options;
    this.renewal?.cancel();
    client.discover((speaks) => {
      if (speaks) client.map(this.wanted, (result) => this.renewed(result));
      else this.renewLater();
    });
  }

  private renewed(result: MappingResult): void {
    if (result.outcome === 'silent') return this.renewLater();
    if (result.outcome !== 'mapped') return this.lost();
    this.keep(result);
    this.options.onRenewed(result.endpoint);
  }

  private lost(): void {
    this.stop();
    this.options.onLost();
  }

  /** 0 to 1. */
  private fraction(): number {
    return this.options.ports.random.bytes(1)[0]! / 256;
  }
}
