/**
 * UDP sockets on the addresses of those interfaces that packets do not leave by now, one for each, for all tunnels:
 *
 *   wanted -- a tunnel in use asks --> looked for --> open -- its address goes, or nobody asks for a while --> closed
 *
 * What is sent from there leaves by that interface where the host routes by source address, as phones and most network
 * managers do. Elsewhere it goes where all else goes, and standing by is of no use, and no harm.
 */
import { openExtraPort } from './extra-port';
import type { DirectPath, Via } from './packet/path';
import type { Standbys } from './packet/paths/standby';
import type { Discovery } from './reach/discovery';
import { Sightings } from './reach/sightings';
import { StunClient } from './reach/stun-client';
import type { HostAddress, Runtime, Timer } from './runtime';
import { sourceAddressOf } from './source-addresses';
import { scopeOf } from './wire/address-scope';
import type { Endpoint } from './wire/addresses';
import { LAST_TUNNEL_TYPE } from './wire/header';
import { isStun } from './wire/stun';

/** Of each IP version. */
const PORTS = 3;
/** For the host's addresses; and for where it sends from, which costs a socket. */
const LOOK_MS = { addresses: 500, source: 2_000 };
const UNUSED_MS = 120_000;

/** A NAT keeps its mapping for so long. */
const SEEN_MS = 10_000;

interface StandbyPort {
  readonly address: HostAddress;
  readonly via: Via;
  readonly stun: StunClient;
  readonly sightings: Sightings;
}

export interface StandbyPortsOptions {
  readonly runtime: Runtime;
  readonly situation: Pick<Discovery, 'observer' | 'sightings'>;
  /** Datagrams of tunnels. */
  receive(datagram: Uint8Array, from: DirectPath): void;
  /** Others, from servers. */
  receiveOther(datagram: Uint8Array, from: Endpoint, by: Via): void;
  /** Whether packets of a tunnel, or to servers, take it. */
  isUsed(via: Via): boolean;
}

export class StandbyPorts implements Standbys {
  private ports: readonly StandbyPort[] = [];
  /** Interfaces that packets leave by now are not stood by for. */
  private readonly inUse = new Map<4 | 6, string | undefined>();
  private readonly lookedMs = { addresses: -Infinity, source: -Infinity };
  private seen = '';
  private unused: Timer | undefined;
  private closed = false;

  constructor(private readonly options: StandbyPortsOptions) {}

  vias(family: 4 | 6): readonly Via[] {
    const nowMs = this.options.runtime.clock.now();
    if (nowMs - this.lookedMs.addresses >= LOOK_MS.addresses) this.look(nowMs);
    return this.ports
      .filter(({ address }) => address.family === family && address.interfaceName !== this.inUse.get(family))
      .map(({ via }) => via);
  }

  isOpen(via: Via): boolean {
    this.closeGone();
    return this.ports.some((port) => port.via === via);
  }

  async outside(via: Via): Promise<Endpoint | undefined> {
    const port = this.ports.find((each) => each.via === via);
    if (!port) return undefined;
    const { address, family } = port.address;
    if (via.port !== undefined && scopeOf(address) === 'global') return { address, port: via.port };
    const server = this.options.situation.observer(family);
    return server && (await port.sightings.at(server, SEEN_MS))?.mapped;
  }

  async ask(server: Endpoint, via: Via | undefined, maxAgeMs: number): Promise<number | undefined> {
    const port = this.ports.find((each) => each.via === via);
    const sightings = via ? port?.sightings : this.options.situation.sightings;
    return (await sightings?.at(server, maxAgeMs))?.rttMs;
  }

  close(): void {
    this.closed = true;
    this.unused?.cancel();
    this.keep(() => false);
  }

  private look(nowMs: number): void {
    const { timers, sourceAddress } = this.options.runtime;
    if (this.closed || !sourceAddress) return;
    this.lookedMs.addresses = nowMs;
    this.closeGone();
    const seen = this.addresses.map(({ address }) => address).join();
    if (seen === this.seen && nowMs - this.lookedMs.source < LOOK_MS.source) return;
    this.seen = seen;
    this.lookedMs.source = nowMs;
    for (const family of [4, 6] as const) void this.lookAt(family);
    this.unused?.cancel();
    this.unused = timers.schedule(UNUSED_MS, () => this.keep(({ via }) => this.options.isUsed(via)));
  }

  private async lookAt(family: 4 | 6): Promise<void> {
    const { runtime } = this.options;
    const source = await sourceAddressOf(runtime, family);
    const hosts = this.addresses.filter((each) => each.family === family);
    const used = hosts.find(({ address }) => address === source)?.interfaceName;
    this.inUse.set(family, used);
    if (used === undefined) return;
    const opened = new Set([used, ...this.ports.filter((p) => p.address.family === family).map(interfaceOf)]);
    for (const address of hosts) {
      if (opened.has(address.interfaceName) || opened.size > PORTS) continue;
      opened.add(address.interfaceName);
      await this.open(address);
    }
  }

  private async open(address: HostAddress): Promise<void> {
    const { runtime } = this.options;
    const { clock, timers, random } = runtime;
    const receive = (datagram: Uint8Array, from: DirectPath): void => this.receive(datagram, from, stun);
    const via = await openExtraPort(runtime, address.family, receive, address.address);
    if (!via) return;
    const stun = new StunClient({ clock, timers, random, send: (datagram, to) => via.send(datagram, to) });
    const sightings = new Sightings(clock, stun);
    if (this.closed || this.ports.some((port) => port.via.address === address.address)) via.close();
    else this.ports = [...this.ports, { address, via, stun, sightings }];
  }

  private receive(datagram: Uint8Array, from: DirectPath, stun: StunClient): void {
    if (isStun(datagram)) stun.receive(datagram, from.endpoint);
    else if (datagram[0]! <= LAST_TUNNEL_TYPE) this.options.receive(datagram, from);
    else this.options.receiveOther(datagram, from.endpoint, from.via!);
  }

  private get addresses(): HostAddress[] {
    return this.options.runtime
      .hostAddresses()
      .filter(({ address, loopback }) => !loopback && scopeOf(address) !== 'never');
  }

  private closeGone(): void {
    const { addresses } = this;
    this.keep(({ via }) => addresses.some(({ address }) => address === via.address));
  }

  private keep(isKept: (port: StandbyPort) => boolean): void {
    const kept = this.ports.filter(isKept);
    if (kept.length === this.ports.length) return;
    for (const { via, stun } of this.ports.filter((port) => !kept.includes(port))) {
      via.close();
      stun.close();
    }
    this.ports = kept;
  }
}

function interfaceOf({ address }: StandbyPort): string {
  return address.interfaceName;
}
