/**
 * A voucher: the receiver's DC says who has a public key, to the receiver and nobody else. It goes inside a cached item.
 * The key is known to the DC and the receiver alone, so that neither the sender nor a cache server can make one.
 *
 *   0..23   nonce, random
 *   24..    secretbox (XSalsa20-Poly1305) of the voucher in CBOR
 */
import nacl from 'tweetnacl';
import * as v from 'valibot';
import type { Random } from '../runtime';
import { decodeCbor, encodeCbor } from './codec';

/** A Cache Response with the longest names has no room for more. */
export const VOUCHED_PERMITS_LIMIT = 6;
const NONCE_LENGTH = nacl.secretbox.nonceLength;

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(253));
const address = v.pipe(v.string(), v.maxLength(45));

const schema = v.object({
  /** The sender's FQDN, and its WireGuard static public key. */
  from: name,
  publicKey: v.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === 32, 'must have 32 bytes'),
  /** The sender's virtual addresses. */
  addresses: v.object({ ipv4: address, ipv6: address }),
  /** The receiver's FQDN. */
  to: name,
  /** Where the sender may send datagrams to, by the receiver's policy (permits.ts); absent: anywhere. */
  permits: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(15))), v.maxLength(VOUCHED_PERMITS_LIMIT))),
});

export type Voucher = v.InferOutput<typeof schema>;

export function sealVoucher(voucher: Voucher, key: Uint8Array, random: Random): Uint8Array {
  const nonce = random.bytes(NONCE_LENGTH);
  return new Uint8Array(Buffer.concat([nonce, nacl.secretbox(encodeCbor(voucher), nonce, key)]));
}

/** `undefined` for what is none, or was made with another key. Never throws. */
export function openVoucher(bytes: Uint8Array, key: Uint8Array): Voucher | undefined {
  if (bytes.length <= NONCE_LENGTH) return undefined;
  const plain = nacl.secretbox.open(bytes.subarray(NONCE_LENGTH), bytes.subarray(0, NONCE_LENGTH), key);
  return plain ? decodeCbor(schema, plain) : undefined;
}
