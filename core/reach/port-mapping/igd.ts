/**
 * UPnP InternetGatewayDevice: where its description says that connections are controlled, and the actions of
 * WANIPConnection:1, :2 and WANPPPConnection:1 that are used here (in SOAP 1.1, UPnP Device Architecture 1.1, 3).
 */
import type { SAXParser } from 'sax';
import { urlAt } from './ssdp';

export interface ConnectionService {
  /** `urn:schemas-upnp-org:service:WANIPConnection:2`, or another version, or WANPPPConnection. */
  readonly type: string;
  readonly control: URL;
}

/** The best first. */
const SERVICES = ['WANIPConnection:2', 'WANIPConnection:1', 'WANPPPConnection:1'].map(
  (name) => `urn:schemas-upnp-org:service:${name}`,
);
const SERVICE_LIMIT = 4;
const DEPTH_LIMIT = 32;
const ELEMENT_LIMIT = 4_096;
const TEXT_LIMIT = 1_024;

export const UPNP_ERRORS: Readonly<Record<number, string>> = {
  401: 'invalid action',
  402: 'invalid arguments',
  501: 'action failed',
  606: 'not authorized',
  718: 'conflict with another mapping',
  724: 'external and internal port must be the same',
  725: 'only permanent mappings',
  728: 'no port mapping left',
};
export const CONFLICT = 718;

/** What a device's description names, by this host only. */
export function connectionServices(xml: string, host: string, location: URL): ConnectionService[] {
  const found: ConnectionService[] = [];
  let base = location;
  let service = new Map<string, string>();
  readXml(xml, (name, text) => {
    if (name === 'urlbase' && text !== '') base = urlAt(text, host) ?? base;
    if (name !== 'service') return void service.set(name, text);
    const type = service.get('servicetype') ?? '';
    const control = SERVICES.includes(type) ? urlAt(service.get('controlurl') ?? '', host, base) : undefined;
    service = new Map();
    if (control && found.length < SERVICE_LIMIT) found.push({ type, control });
  });
  return found.sort((a, b) => SERVICES.indexOf(a.type) - SERVICES.indexOf(b.type));
}

export type ActionName = 'GetExternalIPAddress' | 'AddPortMapping' | 'AddAnyPortMapping' | 'DeletePortMapping';

export function encodeAction(type: string, action: ActionName, values: Readonly<Record<string, string>>): string {
  const body = Object.entries(values).map(([name, value]) => `<${name}>${escaped(value)}</${name}>`);
  return [
    '<?xml version="1.0"?>\r\n',
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"',
    ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>',
    `<u:${action} xmlns:u="${type}">${body.join('')}</u:${action}>`,
    '</s:Body></s:Envelope>\r\n',
  ].join('');
}

export interface ActionAnswer {
  /** UPnP's error code; undefined: done. */
  readonly error: number | undefined;
  /** By their names in lower case. */
  readonly values: ReadonlyMap<string, string>;
}

/** undefined: no answer to this action. */
export function decodeActionAnswer(xml: string, action: ActionName): ActionAnswer | undefined {
  const values = new Map<string, string>();
  let isAnswer = false;
  readXml(xml, (name, text) => {
    if (name === `${action.toLowerCase()}response` || name === 'upnperror') isAnswer = true;
    else values.set(name, text);
  });
  const code = Number(values.get('errorcode') ?? Number.NaN);
  if (!isAnswer) return undefined;
  return { error: Number.isInteger(code) ? code : undefined, values };
}

/**
 * Calls for each element when it ends, with its name in lower case without a prefix, and its own text. Lenient, for
 * routers are; stops at what is too much.
 */
function readXml(xml: string, onElement: (name: string, text: string) => void): void {
  // Loaded when a router was found: most never are.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { parser: createParser } = require('sax') as typeof import('sax');
  const parser: SAXParser = createParser(false, { lowercase: true, position: false });
  const texts: string[] = [];
  let elements = 0;
  let isOver = false;
  const append = (text: string): void => {
    if (texts.length > 0) texts.push((texts.pop()! + text).slice(0, TEXT_LIMIT));
  };
  parser.onopentag = () => {
    texts.push('');
    isOver ||= texts.length > DEPTH_LIMIT || ++elements > ELEMENT_LIMIT;
  };
  parser.ontext = append;
  parser.oncdata = append;
  parser.onclosetag = (name) => {
    const text = texts.pop() ?? '';
    if (!isOver) onElement(name.slice(name.indexOf(':') + 1), text.trim());
  };
  // Entities of a document's own are not expanded. What was read until an error counts.
  parser.onerror = () => (isOver = true);
  try {
    parser.write(xml).close();
  } catch {
    // as said
  }
}

function escaped(text: string): string {
  return text.replace(/[<>&'"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
