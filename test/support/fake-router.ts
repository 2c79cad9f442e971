/**
 * A home router in virtual time, at 192.168.0.1, for a host at 192.168.0.2: speaks what it is told to, remembers its
 * mappings and what was asked of it, and can be given any answer to send instead.
 */
import type { GatewayAccess, GatewayRequest, GatewayResponse, Runtime } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { SeededRandom, type VirtualTime } from './virtual-time';

export const ROUTER = '192.168.0.1';
export const HOST = '192.168.0.2';
export const OUTSIDE = '203.0.113.7';
const CONTROL: Endpoint = { address: ROUTER, port: 5351 };
const UPNP = 'http://192.168.0.1:5000';

export interface FakeRouterOptions {
  readonly speaks: readonly ('pcp' | 'nat-pmp' | 'upnp')[];
  readonly lifetimeS?: number;
  readonly outside?: string;
  /** Of PCP and NAT-PMP. */
  readonly result?: number;
  readonly igd?: 1 | 2;
}

export class FakeRouter {
  /** `udp PORT` or an action's name, in order. */
  readonly asked: string[] = [];
  readonly mappings = new Map<number, number>();
  /** Ports that are another host's. */
  readonly taken = new Set<number>();
  options: FakeRouterOptions;
  private startedMs: number;
  private heard: { group: Endpoint; onDatagram: (datagram: Uint8Array, from: Endpoint) => void } | undefined;
  private receive: (datagram: Uint8Array, from: Endpoint) => void = () => {};
  /** Instead of its own answers to datagrams, where it gives any. */
  answer:
    | ((request: Uint8Array, to: Endpoint) => readonly { datagram: Uint8Array; from: Endpoint }[] | undefined)
    | undefined;
  /** Instead of its own pages, where it gives any. */
  page: ((request: GatewayRequest) => GatewayResponse | undefined) | undefined;
  openSockets = 0;
  openGroups = 0;

  constructor(
    readonly time: VirtualTime,
    options: FakeRouterOptions,
  ) {
    this.options = options;
    this.startedMs = time.now() - 1_000_000;
  }

  ports(seed = 1): Pick<Runtime, 'clock' | 'timers' | 'random' | 'openDatagramPort'> & GatewayAccess {
    return {
      clock: this.time,
      timers: this.time,
      random: new SeededRandom(seed),
      openDatagramPort: async ({ family, onDatagram }) => {
        this.openSockets++;
        let isOpen = true;
        this.receive = onDatagram;
        return {
          family,
          local: { address: HOST, port: 50_000 },
          send: (datagram, to) => {
            const copy = datagram.slice();
            if (isOpen) this.later(() => this.asks(copy, to));
          },
          close: () => {
            if (isOpen) this.openSockets--;
            isOpen = false;
            if (this.receive === onDatagram) this.receive = () => {};
          },
        };
      },
      findGateway: async (family) => (family === 4 ? { family, address: ROUTER, localAddress: HOST } : undefined),
      joinGroup: (group, _local, onDatagram) => {
        this.openGroups++;
        this.heard = { group, onDatagram };
        let isIn = true;
        return () => {
          if (isIn) this.openGroups--;
          isIn = false;
        };
      },
      request: (request, done) => {
        const timer = this.time.schedule(2, () => done(this.page?.(request) ?? this.ownPage(request)));
        return () => timer.cancel();
      },
    };
  }

  /** Loses its mappings, and tells everybody. */
  restart(): void {
    this.mappings.clear();
    this.startedMs = this.time.now();
    const { speaks } = this.options;
    if (speaks.includes('pcp')) this.announce(this.pcp(0, 0), CONTROL);
    else if (speaks.includes('nat-pmp')) this.announce(this.natPmpAddress(), CONTROL);
    else this.announce(this.notice('alive'), { address: ROUTER, port: 1900 });
  }

  announce(datagram: Uint8Array, from: Endpoint): void {
    this.heard?.onDatagram(datagram, from);
  }

  send(datagram: Uint8Array, from: Endpoint = CONTROL): void {
    this.receive(datagram, from);
  }

  pcp(opcode: number, result: number, epochS = this.epochS): Uint8Array {
    const response = Buffer.alloc(24);
    response.set([2, 128 | opcode, 0, result]);
    response.writeUInt32BE(epochS, 8);
    return response;
  }

  natPmpAddress(address = this.options.outside ?? OUTSIDE): Uint8Array {
    const response = Buffer.alloc(12);
    response.set([0, 128]);
    response.writeUInt16BE(this.options.result ?? 0, 2);
    response.writeUInt32BE(this.epochS, 4);
    response.set(address.split('.').map(Number), 8);
    return response;
  }

  notice(is: string, bootId = String(this.epochS)): Uint8Array {
    const boot = `BOOTID.UPNP.ORG: ${bootId}`;
    return Buffer.from(['NOTIFY * HTTP/1.1', `LOCATION: ${UPNP}/root`, `NTS: ssdp:${is}`, boot, '', ''].join('\r\n'));
  }

  searchAnswer(location = `${UPNP}/root`): Uint8Array {
    const device = 'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1';
    return Buffer.from(['HTTP/1.1 200 OK', device, `LOCATION: ${location}`, 'BOOTID.UPNP.ORG: 1', '', ''].join('\r\n'));
  }

  get epochS(): number {
    return Math.floor((this.time.now() - this.startedMs) / 1_000);
  }

  private asks(request: Uint8Array, to: Endpoint): void {
    this.asked.push(`udp ${to.port}`);
    const answers = this.answer?.(request, to) ?? this.ownAnswer(Buffer.from(request), to);
    for (const { datagram, from } of answers) this.later(() => this.send(datagram, from));
  }

  private ownAnswer(request: Buffer, to: Endpoint): { datagram: Uint8Array; from: Endpoint }[] {
    const { speaks } = this.options;
    if (to.port === 1900) {
      if (!speaks.includes('upnp') || to.address !== ROUTER) return [];
      return [{ datagram: this.searchAnswer(), from: { address: ROUTER, port: 1900 } }];
    }
    const version = request[0];
    if (version === 2 && speaks.includes('pcp')) return [{ datagram: this.pcpAnswer(request), from: CONTROL }];
    if (version === 2 && speaks.includes('nat-pmp')) {
      return [{ datagram: Uint8Array.of(0, 128 | request[1]!, 0, 1, 0, 0, 0, 9), from: CONTROL }];
    }
    if (version === 0 && speaks.includes('nat-pmp')) return [{ datagram: this.natPmpAnswer(request), from: CONTROL }];
    return [];
  }

  private pcpAnswer(request: Buffer): Uint8Array {
    if (request[1] === 0) return this.pcp(0, 0);
    const wanted = request.readUInt32BE(4);
    const { result = 0, lifetimeS = wanted, outside = OUTSIDE } = this.options;
    const response = Buffer.concat([this.pcp(1, result), request.subarray(24)]);
    const internal = request.readUInt16BE(40);
    const external = wanted === 0 ? this.externalOf(internal) : this.free(request.readUInt16BE(42));
    response.writeUInt32BE(wanted === 0 ? 0 : lifetimeS, 4);
    response.writeUInt16BE(external, 42);
    response.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...outside.split('.').map(Number)], 44);
    if (result === 0) this.change(external, internal, wanted);
    return response;
  }

  private natPmpAnswer(request: Buffer): Uint8Array {
    if (request[1] === 0) return this.natPmpAddress();
    const [internal, suggested, wanted] = [request.readUInt16BE(4), request.readUInt16BE(6), request.readUInt32BE(8)];
    const external = wanted === 0 ? this.externalOf(internal) : this.free(suggested);
    const response = Buffer.alloc(16);
    response.set([0, 129]);
    response.writeUInt32BE(this.epochS, 4);
    response.writeUInt16BE(internal, 8);
    response.writeUInt16BE(external, 10);
    response.writeUInt32BE(wanted === 0 ? 0 : (this.options.lifetimeS ?? wanted), 12);
    this.change(external, internal, wanted);
    return response;
  }

  private readonly ownPage = ({ url, method, headers, body = '' }: GatewayRequest): GatewayResponse | undefined => {
    if (!this.options.speaks.includes('upnp')) return undefined;
    if (method === 'GET') {
      this.asked.push(`GET ${url.pathname}`);
      return { status: 200, body: description(this.options.igd ?? 2) };
    }
    const action = /#(\w+)/.exec(headers['soapaction'] ?? '')?.[1] ?? '';
    this.asked.push(action);
    const value = (name: string): number => Number(new RegExp(`<${name}>(\\d+)<`).exec(body)?.[1]);
    const [external, internal] = [value('NewExternalPort'), value('NewInternalPort')];
    if (action === 'DeletePortMapping') this.mappings.delete(external);
    if (action === 'AddPortMapping' && this.taken.has(external)) return fault(718);
    if (action === 'AddPortMapping') this.mappings.set(external, internal);
    const reserved = this.free(external);
    if (action === 'AddAnyPortMapping') this.mappings.set(reserved, internal);
    const values: Record<string, string> = {
      GetExternalIPAddress: `<NewExternalIPAddress>${this.options.outside ?? OUTSIDE}</NewExternalIPAddress>`,
      AddAnyPortMapping: `<NewReservedPort>${reserved}</NewReservedPort>`,
    };
    return {
      status: 200,
      body: envelope(`<u:${action}Response xmlns:u="x">${values[action] ?? ''}</u:${action}Response>`),
    };
  };

  private change(external: number, internal: number, lifetimeS: number): void {
    if (lifetimeS === 0) this.mappings.delete(external);
    else this.mappings.set(external, internal);
  }

  /** 0: there is none. */
  private externalOf(internal: number): number {
    return [...this.mappings].find(([, to]) => to === internal)?.[0] ?? 0;
  }

  private free(port: number): number {
    return this.taken.has(port) ? port + 1 : port;
  }

  private later(fire: () => void): void {
    this.time.schedule(1, fire);
  }
}

const envelope = (body: string): string =>
  `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`;

export const fault = (code: number): GatewayResponse => ({
  status: 500,
  body: envelope(
    `<s:Fault><detail><UPnPError><errorCode>${code}</errorCode><errorDescription>x</errorDescription></UPnPError></detail></s:Fault>`,
  ),
});

/** As routers write them: services of other kinds, and the connection's deep inside. */
export const description = (igd: 1 | 2, control = '/ctl/IPConn'): string => `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device>
  <deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:${igd}</deviceType><friendlyName>A & B</friendlyName>
  <serviceList><service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType>
    <controlURL>/ctl/L3F</controlURL></service></serviceList>
  <deviceList><device><deviceList><device>
    <serviceList><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:${igd}</serviceType>
      <serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><controlURL>${control}</controlURL></service></serviceList>
  </device></deviceList></device></deviceList>
</device></root>`;
