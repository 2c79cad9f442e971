/**
 * PCP, RFC 6887: requests and responses of the opcodes ANNOUNCE and MAP, without options. Network byte order.
 *
 *   request (section 7.1)                        response (section 7.2)
 *    0  version = 2                               0  version
 *    1  opcode                                    1  128 | opcode
 *    4  lifetime, s                               3  result code
 *    8  client's address, 16                      4  lifetime, s: of a mapping, or for which an error is to be expected
 *                                                 8  epoch time, s
 *   MAP (section 11.1), in both
 *   24  nonce, 12     36  protocol = 17 (UDP)     40  internal port     42  external port     44  external address, 16
 */
import { formatWide, wideBytes } from '../../wire/ip-text';

export const PCP_PORT = 5351;
export const PCP_VERSION = 2;
/** Section 7: longer messages are none. */
export const PCP_LIMIT_BYTES = 1_100;

const ANNOUNCE = 0;
const MAP = 1;
const RESPONSE = 128;
const UDP = 17;
const HEADER_BYTES = 24;
const MAP_BYTES = 60;
export const NONCE_BYTES = 12;

/** Section 7.4. */
export const PCP_RESULTS = [
  ...['success', 'unsupported version', 'not authorized', 'malformed request', 'unsupported opcode'],
  ...['unsupported option', 'malformed option', 'network failure', 'no resources', 'unsupported protocol'],
  ...['quota exceeded', 'cannot provide external', 'address mismatch', 'excessive remote peers'],
] as const;
/** Those which that section calls short lifetime errors, for they pass. */
const PASSING: readonly string[] = ['network failure', 'no resources', 'quota exceeded'];

export interface PcpMapping {
  readonly nonce: Uint8Array;
  readonly internalPort: number;
  readonly externalPort: number;
  readonly externalAddress: string;
}

export interface PcpResponse {
  readonly opcode: 'announce' | 'map';
  /** 0: success. */
  readonly result: number;
  readonly lifetimeS: number;
  readonly epochS: number;
  /** Of a MAP, errors included. */
  readonly mapping: PcpMapping | undefined;
}

export function encodePcpAnnounce(clientAddress: string): Uint8Array {
  return header(ANNOUNCE, 0, clientAddress, HEADER_BYTES);
}

/** Lifetime 0 takes the mapping away (section 15.1). */
export function encodePcpMap(
  { nonce, internalPort, externalPort, externalAddress }: PcpMapping,
  lifetimeS: number,
  clientAddress: string,
): Uint8Array {
  const request = header(MAP, lifetimeS, clientAddress, MAP_BYTES);
  const view = viewOf(request);
  request.set(nonce, 24);
  view.setUint8(36, UDP);
  view.setUint16(40, internalPort);
  view.setUint16(42, externalPort);
  request.set(wideBytes(externalAddress), 44);
  return request;
}

/** undefined: no response of PCP's version 2 to one of these requests. */
export function decodePcp(datagram: Uint8Array): PcpResponse | undefined {
  const { length } = datagram;
  if (length < HEADER_BYTES || length > PCP_LIMIT_BYTES || length % 4 !== 0) return undefined;
  if (datagram[0] !== PCP_VERSION) return undefined;
  const opcode = datagram[1]! - RESPONSE;
  if (opcode !== ANNOUNCE && opcode !== MAP) return undefined;
  if (opcode === MAP && length < MAP_BYTES) return undefined;
  const view = viewOf(datagram);
  if (opcode === MAP && view.getUint8(36) !== UDP) return undefined;
  return {
    opcode: opcode === MAP ? 'map' : 'announce',
    result: view.getUint8(3),
    lifetimeS: view.getUint32(4),
    epochS: view.getUint32(8),
    mapping: opcode !== MAP ? undefined : mappingOf(datagram, view),
  };
}

/** RFC 6886 section 3.5: what a router that speaks only NAT-PMP answers to a request of version 2. */
export function isOlderRouter(datagram: Uint8Array): boolean {
  return datagram.length >= 8 && datagram[0] === 0 && datagram[1]! >= RESPONSE && viewOf(datagram).getUint16(2) === 1;
}

export function pcpRefusal(result: number, lifetimeS: number): { readonly why: string; readonly retryAfterS?: number } {
  const why = PCP_RESULTS[result] ?? `result ${result}`;
  return { why, ...(PASSING.includes(why) && { retryAfterS: lifetimeS }) };
}

function mappingOf(datagram: Uint8Array, view: DataView): PcpMapping {
  return {
    nonce: datagram.slice(24, 24 + NONCE_BYTES),
    internalPort: view.getUint16(40),
    externalPort: view.getUint16(42),
    externalAddress: formatWide(datagram.subarray(44, MAP_BYTES)),
  };
}

function header(opcode: number, lifetimeS: number, clientAddress: string, length: number): Uint8Array {
  const request = new Uint8Array(length);
  request[0] = PCP_VERSION;
  request[1] = opcode;
  viewOf(request).setUint32(4, lifetimeS);
  request.set(wideBytes(clientAddress), 8);
  return request;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
