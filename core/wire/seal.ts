/**
 * Sealing of signalling datagrams with NaCl (secretbox: XSalsa20-Poly1305).
 *
 *   0..19    header (header.ts)
 *   20..43   nonce, random
 *   44..75   sender's public key, only in a first contact (Seal.box)
 *   then     sealed: copy of the header (20), CBOR body, in a first contact zeros up to 1,200 bytes in all
 *
 * A first contact is padded so that no answer to a stranger is larger than its question
 * (the anti-amplification rule of RFC 9000 section 8.1).
 */
import nacl from 'tweetnacl';
import type { Random } from '../runtime';
import { DATAGRAM_LIMIT, HEADER_LENGTH, Seal, writeHeader, type Header } from './header';
import { KEY_LENGTH } from './key-length';
import { agreedKey, publicKeyId, type KeyPair, type SharedKey } from './keys';

const NONCE = HEADER_LENGTH;
const SECRET_BODY = NONCE + nacl.secretbox.nonceLength;
const SENDER_KEY = SECRET_BODY;
const BOX_BODY = SENDER_KEY + KEY_LENGTH;

type Meaning = Pick<Header, 'version' | 'response' | 'type' | 'transaction'> & { readonly handover?: boolean };

export function sealSecret(meaning: Meaning, body: Uint8Array, key: SharedKey, random: Random): Uint8Array {
  const header = writeHeader({ handover: false, ...meaning, seal: Seal.secret, role: key.role, keyId: key.id });
  return assemble(header, undefined, body, key.key, random);
}

/** A first contact: `sender` is an ephemeral key pair, `receiverPublicKey` is pinned. */
export function sealBox(
  meaning: Meaning,
  body: Uint8Array,
  sender: KeyPair,
  receiverPublicKey: Uint8Array,
  random: Random,
): Uint8Array {
  const { key, role } = agreedKey(sender, receiverPublicKey);
  const header = writeHeader({
    handover: false,
    ...meaning,
    seal: Seal.box,
    role,
    keyId: publicKeyId(receiverPublicKey),
  });
  const padded = new Uint8Array(DATAGRAM_LIMIT - BOX_BODY - nacl.secretbox.overheadLength - HEADER_LENGTH);
  padded.set(body);
  return assemble(header, sender.publicKey, padded, key, random);
}

/** The body, or `undefined` when the datagram was not made with this key by the other role. */
export function openSecret(datagram: Uint8Array, header: Header, key: SharedKey): Uint8Array | undefined {
  if (header.role === key.role) return undefined;
  return open(datagram, SECRET_BODY, key.key);
}

/** The body and the key to answer with, or `undefined`. */
export function openBox(
  datagram: Uint8Array,
  header: Header,
  receiver: KeyPair,
): { body: Uint8Array; key: SharedKey } | undefined {
  if (datagram.length < DATAGRAM_LIMIT) return undefined;
  const key = agreedKey(receiver, datagram.subarray(SENDER_KEY, BOX_BODY));
  if (header.role === key.role) return undefined;
  const body = open(datagram, BOX_BODY, key.key);
  return body && { body, key };
}

function assemble(
  header: Uint8Array,
  senderKey: Uint8Array | undefined,
  body: Uint8Array,
  key: Uint8Array,
  random: Random,
): Uint8Array {
  const nonce = random.bytes(nacl.secretbox.nonceLength);
  const sealed = nacl.secretbox(Buffer.concat([header, body]), nonce, key);
  const datagram = new Uint8Array(Buffer.concat([header, nonce, senderKey ?? new Uint8Array(0), sealed]));
  if (datagram.length > DATAGRAM_LIMIT) throw new RangeError(`a signalling message of ${datagram.length} bytes`);
  return datagram;
}

function open(datagram: Uint8Array, bodyOffset: number, key: Uint8Array): Uint8Array | undefined {
  if (datagram.length < bodyOffset + nacl.secretbox.overheadLength + HEADER_LENGTH) return undefined;
  const nonce = datagram.subarray(NONCE, SECRET_BODY);
  const plain = nacl.secretbox.open(datagram.subarray(bodyOffset), nonce, key);
  if (!plain) return undefined;
  const headerMatches = Buffer.compare(plain.subarray(0, HEADER_LENGTH), datagram.subarray(0, HEADER_LENGTH)) === 0;
  return headerMatches ? plain.subarray(HEADER_LENGTH) : undefined;
}
