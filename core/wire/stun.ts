/**
 * STUN (RFC 8489), as much of it as finds out where a node is seen from outside: Binding requests and success
 * responses, without authentication, for nobody believes more of an answer than what may be tried.
 *
 *   0..1    0x0001 Binding request, 0x0101 success response; the two top bits are 0 (section 5)
 *   2..3    length of the attributes, big endian; a multiple of 4
 *   4..7    magic cookie
 *   8..19   transaction id
 *   20..    attributes: type (2), length (2), value, filled up to a multiple of 4 (section 14)
 *
 * A request here is as long as its answer, by the attribute SOFTWARE, so that no server of ours makes more of what it
 * gets. `changePort` asks for the answer from another port of the server (RFC 5780 section 7.2), `answerTo` for one to
 * another port of the address that asks (section 7.5).
 */
import type { Endpoint } from './addresses';
import { formatIp, parseIp } from './ip-text';

const HEADER_LENGTH = 20;
const ATTRIBUTE_HEADER_LENGTH = 4;
const LENGTH = 2;
const COOKIE = 4;
const TRANSACTION = 8;
export const STUN_TRANSACTION_LENGTH = 12;
const MAGIC_COOKIE = 0x2112a442;

const BINDING_REQUEST = 0x0001;
const BINDING_RESPONSE = 0x0101;

const CHANGE_REQUEST = 0x0003;
const CHANGE_IP_FLAG = 0x04;
const CHANGE_PORT_FLAG = 0x02;
const RESPONSE_PORT = 0x0027;
const XOR_MAPPED_ADDRESS = 0x0020;
const SOFTWARE = 0x8022;
/** Attributes from here on may be left unread by who does not know them (section 14). */
const COMPREHENSION_OPTIONAL = 0x8000;
const IPV4 = 1;
const IPV6 = 2;

/** Of an answer with an IPv6 address. */
const LONGEST_ANSWER = HEADER_LENGTH + ATTRIBUTE_HEADER_LENGTH + 20;
const PRODUCT = 'ntmobile'.padEnd(LONGEST_ANSWER - HEADER_LENGTH - ATTRIBUTE_HEADER_LENGTH);

export interface BindingRequest {
  readonly transaction: Uint8Array;
  /** The answer shall come from another port, and not from another address. */
  readonly changePort?: boolean;
  /** The answer shall go to this port of the address that asks; default: to the port that asks. */
  readonly answerTo?: number | undefined;
}

export interface BindingResponse {
  readonly transaction: Uint8Array;
  /** Where the request came from, as the server saw it. */
  readonly mapped: Endpoint;
}

/** Any STUN message: a WireGuard datagram that begins like one, with 1, has zeros in its next three bytes. */
export function isStun(datagram: Uint8Array): boolean {
  if (datagram.length < HEADER_LENGTH || datagram[0]! > 0x3f) return false;
  return viewOf(datagram).getUint32(COOKIE) === MAGIC_COOKIE;
}

export function writeBindingRequest({ transaction, changePort, answerTo }: BindingRequest): Uint8Array {
  const attributes: [type: number, value: Uint8Array][] = [[SOFTWARE, Buffer.from(PRODUCT, 'latin1')]];
  if (changePort) attributes.push([CHANGE_REQUEST, Uint8Array.of(0, 0, 0, CHANGE_PORT_FLAG)]);
  if (answerTo !== undefined) attributes.push([RESPONSE_PORT, Uint8Array.of(answerTo >> 8, answerTo & 0xff, 0, 0)]);
  return writeMessage(BINDING_REQUEST, transaction, attributes);
}

/** Undefined for what is no Binding request, or asks for more than it says here. */
export function readBindingRequest(datagram: Uint8Array): BindingRequest | undefined {
  const attributes = readAttributes(datagram, BINDING_REQUEST);
  if (!attributes) return undefined;
  let changePort = false;
  let answerTo: number | undefined;
  for (const [type, value] of attributes) {
    if (type >= COMPREHENSION_OPTIONAL) continue;
    if (value.length !== 4) return undefined;
    if (type === RESPONSE_PORT) answerTo = viewOf(value).getUint16(0);
    else if (type !== CHANGE_REQUEST || (value[3]! & CHANGE_IP_FLAG) !== 0) return undefined;
    else changePort = (value[3]! & CHANGE_PORT_FLAG) !== 0;
  }
  return { transaction: transactionOf(datagram), changePort, ...(answerTo !== undefined && { answerTo }) };
}

export function writeBindingResponse({ transaction, mapped }: BindingResponse): Uint8Array {
  const address = parseIp(mapped.address)!;
  const value = new Uint8Array(4 + address.length);
  value[1] = address.length === 4 ? IPV4 : IPV6;
  new DataView(value.buffer).setUint16(2, mapped.port);
  value.set(address, 4);
  return writeMessage(BINDING_RESPONSE, transaction, [[XOR_MAPPED_ADDRESS, masked(value, transaction)]]);
}

/** Undefined for what is no success response with an address. Attributes that are not looked at may be there. */
export function readBindingResponse(datagram: Uint8Array): BindingResponse | undefined {
  const attributes = readAttributes(datagram, BINDING_RESPONSE);
  const found = attributes?.find(([type]) => type === XOR_MAPPED_ADDRESS)?.[1];
  if (!found) return undefined;
  const transaction = transactionOf(datagram);
  const length = found[1] === IPV4 ? 4 : found[1] === IPV6 ? 16 : undefined;
  if (length === undefined || found.length !== 4 + length) return undefined;
  const value = masked(found, transaction);
  const address = formatIp(value.subarray(4));
  return { transaction, mapped: { address, port: viewOf(value).getUint16(2) } };
}

/** The address and the port are XORed with the cookie and the transaction id (section 14.2); so they are read, too. */
function masked(value: Uint8Array, transaction: Uint8Array): Uint8Array {
  const mask = new Uint8Array(4 + STUN_TRANSACTION_LENGTH);
  new DataView(mask.buffer).setUint32(0, MAGIC_COOKIE);
  mask.set(transaction, 4);
  return value.map((byte, i) => {
    if (i < 2) return byte;
    return byte ^ mask[i < 4 ? i - 2 : i - 4]!;
  });
}

function writeMessage(type: number, transaction: Uint8Array, attributes: [number, Uint8Array][]): Uint8Array {
  const length = attributes.reduce((sum, [, value]) => sum + ATTRIBUTE_HEADER_LENGTH + filledUp(value.length), 0);
  const message = new Uint8Array(HEADER_LENGTH + length);
  const view = viewOf(message);
  view.setUint16(0, type);
  view.setUint16(LENGTH, length);
  view.setUint32(COOKIE, MAGIC_COOKIE);
  message.set(transaction, TRANSACTION);
  let at = HEADER_LENGTH;
  for (const [attribute, value] of attributes) {
    view.setUint16(at, attribute);
    view.setUint16(at + LENGTH, value.length);
    message.set(value, at + ATTRIBUTE_HEADER_LENGTH);
    at += ATTRIBUTE_HEADER_LENGTH + filledUp(value.length);
  }
  return message;
}

/** Undefined unless the message is of this type and whole. */
function readAttributes(datagram: Uint8Array, type: number): [type: number, value: Uint8Array][] | undefined {
  if (!isStun(datagram)) return undefined;
  const view = viewOf(datagram);
  if (view.getUint16(0) !== type || view.getUint16(LENGTH) !== datagram.length - HEADER_LENGTH) return undefined;
  const attributes: [number, Uint8Array][] = [];
  for (let at = HEADER_LENGTH; at < datagram.length;) {
    if (at + ATTRIBUTE_HEADER_LENGTH > datagram.length) return undefined;
    const start = at + ATTRIBUTE_HEADER_LENGTH;
    const length = view.getUint16(at + LENGTH);
    if (start + filledUp(length) > datagram.length) return undefined;
    attributes.push([view.getUint16(at), datagram.subarray(start, start + length)]);
    at = start + filledUp(length);
  }
  return attributes;
}

function transactionOf(datagram: Uint8Array): Uint8Array {
  return datagram.slice(TRANSACTION, TRANSACTION + STUN_TRANSACTION_LENGTH);
}

function filledUp(length: number): number {
  return Math.ceil(length / 4) * 4;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
