/**
 * NAT-PMP, RFC 6886: the outside address, and a mapping of UDP. Network byte order.
 *
 *   requests (sections 3.2, 3.3)                 responses
 *    0  version = 0                               0  version
 *    1  opcode: 0 address, 1 map UDP              1  128 | opcode
 *                                                 2  result code
 *                                                 4  epoch, s
 *   map                                           address         map
 *    4  internal port                              8  address      8  internal port
 *    6  external port                                             10  external port
 *    8  lifetime, s                                               12  lifetime, s
 */
import { formatIp } from '../../wire/ip-text';

const ADDRESS = 0;
const MAP_UDP = 1;
const RESPONSE = 128;
/** An answer longer than any that there is: not one. */
const LIMIT_BYTES = 64;

/** Section 3.5. */
const RESULTS = ['success', 'unsupported version', 'not authorized', 'network failure', 'no resources', 'unsupported'];
const PASSING: readonly string[] = ['network failure', 'no resources'];

export type NatPmpResponse = { readonly result: number; readonly epochS: number } & (
  | { readonly opcode: 'address'; readonly address: string }
  | {
      readonly opcode: 'map';
      readonly internalPort: number;
      readonly externalPort: number;
      readonly lifetimeS: number;
    }
);

export function encodeNatPmpAddress(): Uint8Array {
  return Uint8Array.of(0, ADDRESS);
}

/** Lifetime 0, and with it the external port 0, takes the mapping away (section 3.4). */
export function encodeNatPmpMap(internalPort: number, externalPort: number, lifetimeS: number): Uint8Array {
  const request = new Uint8Array(12);
  request[1] = MAP_UDP;
  const view = new DataView(request.buffer);
  view.setUint16(4, internalPort);
  view.setUint16(6, externalPort);
  view.setUint32(8, lifetimeS);
  return request;
}

/** undefined: no response of NAT-PMP. Errors may end after the epoch; what they lack is 0. */
export function decodeNatPmp(datagram: Uint8Array): NatPmpResponse | undefined {
  const { length } = datagram;
  if (length < 8 || length > LIMIT_BYTES || datagram[0] !== 0) return undefined;
  const opcode = datagram[1]! - RESPONSE;
  if (opcode !== ADDRESS && opcode !== MAP_UDP) return undefined;
  const whole = new Uint8Array(16);
  whole.set(datagram.subarray(0, 16));
  const view = new DataView(whole.buffer);
  const common = { result: view.getUint16(2), epochS: view.getUint32(4) };
  if (common.result === 0 && length < (opcode === ADDRESS ? 12 : 16)) return undefined;
  if (opcode === ADDRESS) return { ...common, opcode: 'address', address: formatIp(whole.subarray(8, 12)) };
  return {
    ...common,
    opcode: 'map',
    internalPort: view.getUint16(8),
    externalPort: view.getUint16(10),
    lifetimeS: view.getUint32(12),
  };
}

export function natPmpRefusal(result: number): { readonly why: string; readonly retryAfterS?: number } {
  const why = RESULTS[result] ?? `result ${result}`;
  return { why, ...(PASSING.includes(why) && { retryAfterS: 0 }) };
}
