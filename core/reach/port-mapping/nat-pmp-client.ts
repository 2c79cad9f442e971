/** NAT-PMP with one router: its outside address, which is also how it shows that it speaks it, and one mapping. */
import { scopeOf } from '../../wire/address-scope';
import type { Endpoint } from '../../wire/addresses';
import type { ClientOptions, MappingClient, MappingResult, WantedMapping } from './contract';
import { LIFETIME_S, UNMAPPING_WAITS_MS } from './contract';
import { natPmpEpochHolds, type EpochSeen } from './epoch';
import { decodeNatPmp, encodeNatPmpAddress, encodeNatPmpMap, natPmpRefusal, type NatPmpResponse } from './nat-pmp';
import { decodePcp } from './pcp';
import { Repeated } from './repeated';
import { usableLifetime } from './usable-lifetime';

const NAT_PMP_PORT = 5351;
/** RFC 6886 section 3.1, which goes on to 64 s. */
const WAITS_MS = [250, 500, 1_000, 2_000];

export class NatPmpClient implements MappingClient {
  readonly protocol = 'nat-pmp';
  /** Section 3.2.1. */
  readonly announcements: Endpoint = { address: '224.0.0.1', port: 5350 };
  private asking: Repeated | undefined;
  private onResponse: (response: NatPmpResponse) => boolean = () => false;
  private epoch: EpochSeen | undefined;
  private address = '';

  constructor(private readonly options: ClientOptions) {}

  discover(done: (speaks: boolean) => void): void {
    this.askAddress((result) => done(result === undefined));
  }

  /** The address is asked for each time: it may be another by now, and no answer about a mapping has it. */
  map(wanted: WantedMapping, done: (result: MappingResult) => void): void {
    this.askAddress((failure) => {
      if (failure) return done(failure);
      if (this.address === '0.0.0.0') return done({ outcome: 'refused', why: 'no address', retryAfterS: 0 });
      if (scopeOf(this.address) !== 'global') return done({ outcome: 'double NAT', address: this.address });
      this.askMapping(wanted, done);
    });
  }

  unmap({ internalPort }: WantedMapping, done: () => void): void {
    this.ask(encodeNatPmpMap(internalPort, 0, 0), UNMAPPING_WAITS_MS, done);
    this.onResponse = (response) => {
      // RFC 6886 section 3.4. Otherwise it is the late answer to an earlier request, which made it.
      if (response.opcode !== 'map' || (response.result === 0 && response.lifetimeS !== 0)) return false;
      this.stop();
      done();
      return true;
    };
  }

  receive(datagram: Uint8Array, from: Endpoint): boolean {
    if (from.port !== NAT_PMP_PORT) return false;
    const response = decodeNatPmp(datagram);
    if (!response || !this.onResponse(response)) return false;
    this.epoch = this.seen(response);
    return true;
  }

  /** Section 3.2.1: also sent when the outside address has changed. Routers that speak PCP, too, may send only PCP's. */
  isRestart(announcement: Uint8Array): boolean {
    const response = decodeNatPmp(announcement) ?? decodePcp(announcement);
    if (!response || response.opcode === 'map' || response.result !== 0 || !this.epoch) return false;
    const seen = this.seen(response);
    const isNewAddress = response.opcode === 'address' && response.address !== this.address;
    if (natPmpEpochHolds(this.epoch, seen) && !isNewAddress) return false;
    this.epoch = seen;
    return true;
  }

  stop(): void {
    this.asking?.stop();
    this.asking = undefined;
    this.onResponse = () => false;
  }

  private askAddress(done: (failure: MappingResult | undefined) => void): void {
    this.ask(encodeNatPmpAddress(), WAITS_MS, () => done({ outcome: 'silent' }));
    this.onResponse = (response) => {
      if (response.opcode !== 'address') return false;
      this.stop();
      if (response.result === 0) this.address = response.address;
      done(response.result === 0 ? undefined : { outcome: 'refused', ...natPmpRefusal(response.result) });
      return true;
    };
  }

  private askMapping({ internalPort, externalPort }: WantedMapping, done: (result: MappingResult) => void): void {
    const request = encodeNatPmpMap(internalPort, externalPort, LIFETIME_S);
    this.ask(request, WAITS_MS, () => done({ outcome: 'silent' }));
    this.onResponse = (response) => {
      if (response.opcode !== 'map') return false;
      // An error need not repeat the port.
      if (response.result === 0 && response.internalPort !== internalPort) return false;
      this.stop();
      if (response.result !== 0) done({ outcome: 'refused', ...natPmpRefusal(response.result) });
      else if (response.externalPort === 0) done({ outcome: 'refused', why: 'nonsense' });
      else done(usableLifetime({ address: this.address, port: response.externalPort }, response.lifetimeS));
      return true;
    };
  }

  private ask(request: Uint8Array, waitsMs: readonly number[], onSilence: () => void): void {
    this.stop();
    const silent = (): void => {
      this.stop();
      onSilence();
    };
    this.asking = new Repeated(this.options.ports.timers, waitsMs, () => this.send(request), silent);
  }

  private send(request: Uint8Array): void {
    this.options.send(request, { address: this.options.gateway.address, port: NAT_PMP_PORT });
  }

  private seen({ epochS }: { readonly epochS: number }): EpochSeen {
    return { epochS, atS: this.options.ports.clock.now() / 1_000 };
  }
}
