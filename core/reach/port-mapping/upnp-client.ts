/**
 * UPnP-IGD with one router: search, description, and a mapping at the first of its connections that has an address of
 * the Internet. IGD:2's AddAnyPortMapping takes another port where one is in use; with IGD:1 others are tried.
 */
import { scopeOf } from '../../wire/address-scope';
import type { ClientOptions, MappingClient, MappingResult, WantedMapping } from './contract';
import { LIFETIME_S } from './contract';
import {
  CONFLICT,
  connectionServices,
  decodeActionAnswer,
  encodeAction,
  UPNP_ERRORS,
  type ActionAnswer,
  type ActionName,
  type ConnectionService,
} from './igd';
import { Repeated } from './repeated';
import { decodeNotice, decodeSearchAnswer, SSDP, ssdpSearches, type SsdpAnswer } from './ssdp';
import { isIPv4 } from 'node:net';

/** UPnP Device Architecture 1.1, 1.3.2: searches are repeated, for UDP loses some. */
const WAITS_MS = [1_000, 2_000];
/** Descriptions that are fetched for one search: a router has one. */
const LOCATION_LIMIT = 3;
/** With IGD:1, random ports after the first. */
const PORT_TRIES = 4;
const FIRST_DYNAMIC_PORT = 49_152;

type Done = (result: MappingResult) => void;

export class UpnpClient implements MappingClient {
  readonly protocol = 'upnp';
  readonly announcements = SSDP;
  private searching: Repeated | undefined;
  private fetching: (() => void) | undefined;
  private locations = new Set<string>();
  private answer: SsdpAnswer | undefined;
  private onAnswer: ((answer: SsdpAnswer) => void) | undefined;
  private services: readonly ConnectionService[] = [];
  private mappedBy: ConnectionService | undefined;
  private wasGone = false;

  constructor(private readonly options: ClientOptions) {}

  discover(done: (speaks: boolean) => void): void {
    this.stop();
    this.locations = new Set();
    const finish = (speaks: boolean): void => {
      this.stop();
      done(speaks);
    };
    let isSilent = false;
    const silent = (): void => {
      isSilent = true;
      if (!this.fetching) finish(false);
    };
    this.onAnswer = (answer) => {
      if (this.fetching || this.locations.size >= LOCATION_LIMIT || this.locations.has(answer.location.href)) return;
      this.locations.add(answer.location.href);
      this.fetch({ url: answer.location, method: 'GET', headers: {} }, (body) => {
        this.services = connectionServices(body ?? '', this.options.gateway.address, answer.location);
        if (this.services.length > 0) {
          this.answer = answer;
          this.wasGone = false;
        }
        if (this.services.length > 0 || isSilent) finish(this.services.length > 0);
      });
    };
    this.searching = new Repeated(this.options.ports.timers, WAITS_MS, () => this.search(), silent);
  }

  map(wanted: WantedMapping, done: Done): void {
    this.stop();
    this.chooseService(0, 'silent', (chosen) => {
      if (typeof chosen === 'string') return done(failed(chosen));
      const { service, address } = chosen;
      if (address === '' || address === '0.0.0.0')
        return done({ outcome: 'refused', why: 'no address', retryAfterS: 0 });
      if (scopeOf(address) !== 'global') return done({ outcome: 'double NAT', address });
      this.mappedBy = service;
      this.add(service, wanted, PORT_TRIES, (result) => {
        const isMapped = typeof result === 'number';
        done(isMapped ? { outcome: 'mapped', endpoint: { address, port: result }, lifetimeS: LIFETIME_S } : result);
      });
    });
  }

  unmap({ externalPort }: WantedMapping, done: () => void): void {
    this.stop();
    if (!this.mappedBy) return done();
    this.act(this.mappedBy, 'DeletePortMapping', place(externalPort), () => done());
  }

  receive(datagram: Uint8Array): boolean {
    const answer = decodeSearchAnswer(datagram, this.options.gateway.address);
    if (answer) this.onAnswer?.(answer);
    return answer !== undefined;
  }

  /** It tells of itself again and again; it has started anew when that comes after a farewell, or differs. */
  isRestart(announcement: Uint8Array): boolean {
    const notice = decodeNotice(announcement);
    if (!notice || !this.answer) return false;
    if (notice.is === 'byebye') {
      this.wasGone = true;
      return false;
    }
    const { bootId, location } = this.answer;
    if (!this.wasGone && notice.bootId === bootId && notice.location === location.href) return false;
    this.wasGone = false;
    return true;
  }

  stop(): void {
    this.searching?.stop();
    this.searching = undefined;
    this.onAnswer = undefined;
    this.fetching?.();
    this.fetching = undefined;
  }

  /** To the router itself, too: a multicast may go out elsewhere, or be filtered by a bridge. */
  private search(): void {
    for (const request of ssdpSearches()) {
      this.options.send(request, SSDP);
      this.options.send(request, { address: this.options.gateway.address, port: SSDP.port });
    }
  }

  /** The first with an address of the Internet, else one that answers. */
  private chooseService(index: number, best: Choice | Failure, done: (chosen: Choice | Failure) => void): void {
    const service = this.services[index];
    if (!service) return done(best);
    this.act(service, 'GetExternalIPAddress', {}, (answer) => {
      const isAnswer = typeof answer === 'object';
      const told = isAnswer ? (answer.values.get('newexternalipaddress') ?? '') : '';
      const chosen = isAnswer ? { service, address: isIPv4(told) ? told : '' } : answer;
      if (typeof chosen === 'object' && chosen.address !== '' && scopeOf(chosen.address) === 'global') {
        return done(chosen);
      }
      this.chooseService(index + 1, typeof best === 'object' && best.address !== '' ? best : chosen, done);
    });
  }

  private add(
    service: ConnectionService,
    { internalPort, externalPort }: WantedMapping,
    tries: number,
    done: (result: MappingResult | number) => void,
  ): void {
    const takesAny = service.type.endsWith(':WANIPConnection:2');
    const values = {
      ...place(externalPort),
      NewInternalPort: String(internalPort),
      NewInternalClient: this.options.gateway.localAddress,
      NewEnabled: '1',
      NewPortMappingDescription: 'ntmobile',
      NewLeaseDuration: String(LIFETIME_S),
    };
    this.act(service, takesAny ? 'AddAnyPortMapping' : 'AddPortMapping', values, (answer) => {
      if (typeof answer === 'string') return done(failed(answer));
      if (answer.error === CONFLICT && tries > 0) {
        return this.add(service, { internalPort, externalPort: this.randomPort() }, tries - 1, done);
      }
      // A mapping for ever would outlive a program that is killed: not wanted (error 725).
      if (answer.error !== undefined) return done({ outcome: 'refused', why: whyOf(answer.error) });
      const port = takesAny ? Number(answer.values.get('newreservedport')) : externalPort;
      if (!Number.isInteger(port) || port < 1 || port > 0xffff) return done({ outcome: 'refused', why: 'nonsense' });
      done(port);
    });
  }

  private randomPort(): number {
    const [high = 0, low = 0] = this.options.ports.random.bytes(2);
    return FIRST_DYNAMIC_PORT + (((high << 8) | low) & 0x3fff);
  }

  private act(
    { type, control }: ConnectionService,
    action: ActionName,
    values: Readonly<Record<string, string>>,
    done: (answer: ActionAnswer | Failure) => void,
  ): void {
    const headers = { 'content-type': 'text/xml; charset="utf-8"', soapaction: `"${type}#${action}"` };
    const body = encodeAction(type, action, values);
    this.fetch({ url: control, method: 'POST', headers, body }, (xml) => {
      if (xml === undefined) return done('silent');
      done(decodeActionAnswer(xml, action) ?? 'nonsense');
    });
  }

  private fetch(
    request: Parameters<ClientOptions['ports']['request']>[0],
    done: (body: string | undefined) => void,
  ): void {
    this.fetching = this.options.ports.request(request, (response) => {
      this.fetching = undefined;
      // UPnP Device Architecture 1.1, 3.2.2: an error of an action is a 500 with a body.
      done(response?.status === 200 || response?.status === 500 ? response.body : undefined);
    });
  }
}

type Failure = 'silent' | 'nonsense';

interface Choice {
  readonly service: ConnectionService;
  /** Empty: it told none. */
  readonly address: string;
}

const failed = (failure: Failure): MappingResult =>
  failure === 'silent' ? { outcome: 'silent' } : { outcome: 'refused', why: failure };

const whyOf = (error: number): string => UPNP_ERRORS[error] ?? `error ${error}`;

const place = (externalPort: number): Record<string, string> => ({
  NewRemoteHost: '',
  NewExternalPort: String(externalPort),
  NewProtocol: 'UDP',
});
