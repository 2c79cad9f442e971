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
import type { Random } from '../runtime';
import { DATAGRAM_LIMIT, HEADER_LENGTH, Seal, writeHeaderTo, type Header, type Meaning } from './header';
import { KEY_LENGTH } from './key-length';
import { agreedKey, publicKeyId, type KeyPair, type SharedKey } from './keys';
import { bestSecretBox, NONCE_LENGTH, OVERHEAD } from './secretbox';

const NONCE = HEADER_LENGTH;
const SECRET_BODY = NONCE + NONCE_LENGTH;
const SENDER_KEY = SECRET_BODY;
const BOX_BODY = SENDER_KEY + KEY_LENGTH;

/** Header copy and body are put together here, and sealed from here at once. */
const scratch = new Uint8Array(DATAGRAM_LIMIT);

export function sealSecret(meaning: Meaning, body: Uint8Array, key: SharedKey, random: Random): Uint8Array {
  return assemble(meaning, Seal.secret, key.id, undefined, body, HEADER_LENGTH + body.length, key, random);
}

/** A first contact: `sender` is an ephemeral key pair, `receiverPublicKey` is pinned. */
export function sealBox(
  meaning: Meaning,
  body: Uint8Array,
  sender: KeyPair,
  receiverPublicKey: Uint8Array,
  random: Random,
): Uint8Array {
  const key = agreedKey(sender, receiverPublicKey);
  const padded = DATAGRAM_LIMIT - BOX_BODY - OVERHEAD;
  return assemble(meaning, Seal.box, publicKeyId(receiverPublicKey), sender.publicKey, body, padded, key, random);
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

/** `plainLength`: of what is sealed: header, body, and zeros up to there. */
function assemble(
  meaning: Meaning,
  seal: Seal,
  keyId: Uint8Array,
  senderKey: Uint8Array | undefined,
  body: Uint8Array,
  plainLength: number,
  { key, role }: SharedKey,
  random: Random,
): Uint8Array {
  const sealedAt = senderKey ? BOX_BODY : SECRET_BODY;
  const length = sealedAt + plainLength + OVERHEAD;
  if (length > DATAGRAM_LIMIT || HEADER_LENGTH + body.length > plainLength)
    throw new RangeError(`a signalling message of ${sealedAt + HEADER_LENGTH + body.length + OVERHEAD} bytes`);
  const datagram = new Uint8Array(length);
  writeHeaderTo(datagram, meaning, seal, role, keyId);
  const nonce = random.bytes(NONCE_LENGTH);
  datagram.set(nonce, NONCE);
  if (senderKey) datagram.set(senderKey, SENDER_KEY);
  const plain = scratch.subarray(0, plainLength);
  plain.set(datagram.subarray(0, HEADER_LENGTH));
  plain.set(body, HEADER_LENGTH);
  plain.fill(0, HEADER_LENGTH + body.length);
  bestSecretBox().seal(datagram.subarray(sealedAt), plain, nonce, key);
  plain.fill(0); // it may have held a password
  return datagram;
}

function open(datagram: Uint8Array, bodyOffset: number, key: Uint8Array): Uint8Array | undefined {
  if (datagram.length < bodyOffset + OVERHEAD + HEADER_LENGTH) return undefined;
  const nonce = datagram.subarray(NONCE, SECRET_BODY);
  const plain = bestSecretBox().open(datagram.subarray(bodyOffset), nonce, key);
  if (!plain) return undefined;
  for (let i = 0; i < HEADER_LENGTH; i++) if (plain[i] !== datagram[i]) return undefined;
  return plain.subarray(HEADER_LENGTH);
}
