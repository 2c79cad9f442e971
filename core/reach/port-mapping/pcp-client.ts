/** PCP with one router: whether it speaks it (ANNOUNCE, RFC 6887 section 14.1), and one mapping (section 11). */
import { scopeOf } from '../../wire/address-scope';
import type { Endpoint } from '../../wire/addresses';
import type { ClientOptions, MappingClient, MappingResult, WantedMapping } from './contract';
import { LIFETIME_S, UNMAPPING_WAITS_MS } from './contract';
import { pcpEpochHolds, type EpochSeen } from './epoch';
import {
  decodePcp,
  encodePcpAnnounce,
  encodePcpMap,
  isOlderRouter,
  PCP_PORT,
  pcpRefusal,
  type PcpResponse,
} from './pcp';
import { Repeated } from './repeated';
import { usableLifetime } from './usable-lifetime';

/** RFC 6887 section 8.1.1: 3 s, doubled each time, 10 % more or less. It gives no limit; here it is given up. */
const WAITS_MS = [3_000, 6_000, 12_000];
/** Most routers do not speak it, which is known when the other protocols have answered, or have not. */
const DISCOVERY_WAITS_MS = [3_000, 6_000, 1_000];
const JITTER = 0.1;

export class PcpClient implements MappingClient {
  readonly protocol = 'pcp';
  /** Section 14.1.1. */
  readonly announcements: Endpoint = { address: '224.0.0.1', port: 5350 };
  private asking: Repeated | undefined;
  private onResponse: (response: PcpResponse | 'older router') => boolean = () => false;
  private epoch: EpochSeen | undefined;

  constructor(private readonly options: ClientOptions) {}

  discover(done: (speaks: boolean) => void): void {
    const announce = encodePcpAnnounce(this.options.gateway.localAddress);
    this.ask(announce, DISCOVERY_WAITS_MS, () => done(false));
    this.onResponse = (response) => {
      if (response !== 'older router' && response.opcode !== 'announce') return false;
      this.stop();
      // A router may not know ANNOUNCE, and speak PCP all the same.
      const refused = response === 'older router' || /version|authorized/.test(pcpRefusal(response.result, 0).why);
      done(!refused);
      return true;
    };
  }

  map(wanted: WantedMapping, done: (result: MappingResult) => void): void {
    const { family } = this.options.gateway;
    this.ask(this.request(wanted, LIFETIME_S), WAITS_MS, () => done({ outcome: 'silent' }));
    this.onResponse = (response) => {
      if (response === 'older router' || !this.isOurs(response, wanted)) return false;
      this.stop();
      const { result, lifetimeS, mapping } = response;
      const endpoint = { address: mapping!.externalAddress, port: mapping!.externalPort };
      if (result !== 0) done({ outcome: 'refused', ...pcpRefusal(result, lifetimeS) });
      else if (!isOfFamily(endpoint.address, family) || endpoint.port === 0)
        done({ outcome: 'refused', why: 'nonsense' });
      else if (scopeOf(endpoint.address) !== 'global') done({ outcome: 'double NAT', address: endpoint.address });
      else done(usableLifetime(endpoint, lifetimeS));
      return true;
    };
  }

  /** Section 15.1, as erratum 3621 has it: nothing is suggested with it. */
  unmap({ internalPort }: WantedMapping, done: () => void): void {
    const unwanted = { internalPort, externalPort: 0 };
    this.ask(this.request(unwanted, 0), UNMAPPING_WAITS_MS, done);
    this.onResponse = (response) => {
      if (response === 'older router' || !this.isOurs(response, unwanted)) return false;
      // Otherwise it is the late answer to an earlier request, which made it.
      if (response.result === 0 && response.lifetimeS !== 0) return false;
      this.stop();
      done();
      return true;
    };
  }

  receive(datagram: Uint8Array, from: Endpoint): boolean {
    if (from.port !== PCP_PORT) return false;
    if (isOlderRouter(datagram)) return this.onResponse('older router');
    const response = decodePcp(datagram);
    if (!response || !this.onResponse(response)) return false;
    this.epoch = { epochS: response.epochS, atS: this.nowS() };
    return true;
  }

  /** Section 14.1.3: what is multicast is believed as far as its epoch tells of a loss. */
  isRestart(announcement: Uint8Array): boolean {
    const response = decodePcp(announcement);
    if (response?.opcode !== 'announce' || response.result !== 0 || !this.epoch) return false;
    const seen = { epochS: response.epochS, atS: this.nowS() };
    if (pcpEpochHolds(this.epoch, seen)) return false;
    this.epoch = seen;
    return true;
  }

  stop(): void {
    this.asking?.stop();
    this.asking = undefined;
    this.onResponse = () => false;
  }

  /** Section 11.4: an answer of another nonce, protocol or port is not to be believed. */
  private isOurs({ opcode, mapping }: PcpResponse, { internalPort }: WantedMapping): boolean {
    if (opcode !== 'map' || mapping?.internalPort !== internalPort) return false;
    return this.options.nonce.every((byte, i) => byte === mapping.nonce[i]);
  }

  private request({ internalPort, externalPort, externalAddress }: WantedMapping, lifetimeS: number): Uint8Array {
    const { family, localAddress } = this.options.gateway;
    const any = family === 4 ? '0.0.0.0' : '::';
    const { nonce } = this.options;
    const mapping = { nonce, internalPort, externalPort, externalAddress: externalAddress ?? any };
    return encodePcpMap(mapping, lifetimeS, localAddress);
  }

  private ask(request: Uint8Array, waitsMs: readonly number[], onSilence: () => void): void {
    this.stop();
    const { timers, random } = this.options.ports;
    const jitter = random.bytes(waitsMs.length);
    const waits = waitsMs.map((ms, i) => ms * (1 + JITTER * (jitter[i]! / 127.5 - 1)));
    const silent = (): void => {
      this.stop();
      onSilence();
    };
    this.asking = new Repeated(timers, waits, () => this.send(request), silent);
  }

  private send(request: Uint8Array): void {
    this.options.send(request, { address: this.options.gateway.address, port: PCP_PORT });
  }

  private nowS(): number {
    return this.options.ports.clock.now() / 1_000;
  }
}

function isOfFamily(address: string, family: 4 | 6): boolean {
  return address.includes(':') === (family === 6);
}
