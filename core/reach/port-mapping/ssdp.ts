/**
 * SSDP, UPnP Device Architecture 1.1 section 1: the search for a router that is an InternetGatewayDevice, its answers,
 * and what it announces by itself. All three are HTTP's header lines in a datagram.
 */
import type { Endpoint } from '../../wire/addresses';

export const SSDP: Endpoint = { address: '239.255.255.250', port: 1900 };
/** Answers have some 300 bytes. */
const LIMIT_BYTES = 2_048;
const URL_LIMIT = 512;
const DEVICES = [1, 2].map((version) => `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`);
/** How long devices may wait before they answer, s. */
const MX_S = 1;

export interface SsdpAnswer {
  readonly location: URL;
  /** Which start of the device this is; empty where it does not say. */
  readonly bootId: string;
}

/** To the group; also the router itself takes them. */
export function ssdpSearches(): Uint8Array[] {
  return DEVICES.map((device) => {
    const host = `HOST: ${SSDP.address}:${SSDP.port}`;
    const lines = ['M-SEARCH * HTTP/1.1', host, 'MAN: "ssdp:discover"', `MX: ${MX_S}`, `ST: ${device}`, '', ''];
    return Buffer.from(lines.join('\r\n'), 'latin1');
  });
}

/** undefined: no answer of an InternetGatewayDevice that is described by `host` itself. */
export function decodeSearchAnswer(datagram: Uint8Array, host: string): SsdpAnswer | undefined {
  const message = headersOf(datagram, /^HTTP\/1\.[01] 200\b/i);
  if (!message || !/:device:InternetGatewayDevice:\d/i.test(message.get('st') ?? '')) return undefined;
  const location = urlAt(message.get('location') ?? '', host);
  return location && { location, bootId: message.get('bootid.upnp.org') ?? '' };
}

export interface SsdpNotice {
  readonly is: 'alive' | 'byebye';
  readonly location: string;
  readonly bootId: string;
}

export function decodeNotice(datagram: Uint8Array): SsdpNotice | undefined {
  const message = headersOf(datagram, /^NOTIFY /i);
  const is = /^ssdp:(alive|byebye)$/i.exec(message?.get('nts') ?? '')?.[1]?.toLowerCase();
  if (!message || (is !== 'alive' && is !== 'byebye')) return undefined;
  return { is, location: message.get('location') ?? '', bootId: message.get('bootid.upnp.org') ?? '' };
}

/** A reference is followed to this host only, by HTTP, without a name to look up. */
export function urlAt(reference: string, host: string, base?: URL): URL | undefined {
  if (reference.length > URL_LIMIT || !URL.canParse(reference, base?.href)) return undefined;
  const url = new URL(reference, base);
  const isPlain = url.protocol === 'http:' && url.username === '' && url.password === '' && url.port !== '0';
  return isPlain && url.hostname === host ? url : undefined;
}

function headersOf(datagram: Uint8Array, start: RegExp): Map<string, string> | undefined {
  if (datagram.length > LIMIT_BYTES) return undefined;
  const [first = '', ...lines] = Buffer.from(datagram).toString('latin1').split('\r\n');
  if (!start.test(first)) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}
