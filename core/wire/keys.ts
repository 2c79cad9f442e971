/** Keys of the signalling: Curve25519 identities, the symmetric keys derived from or distributed under them. */
import { createHash } from 'node:crypto';
import nacl from 'tweetnacl';
import type { Random } from '../runtime';
import { KEY_LENGTH } from './key-length';
import { keyPair } from './x25519';

/** A long-term or ephemeral X25519 key pair; 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** A key that two parties share. The two sides have different roles, so that no message can be reflected. */
export interface SharedKey {
  readonly key: Uint8Array;
  /** 8 bytes; reveals nothing of the key. */
  readonly id: Uint8Array;
  /** The same as `textOf` has it. */
  readonly idText: string;
  readonly role: 0 | 1;
}

/** What crypto_box_beforenm hashes beside the shared point: a nonce of zeros, and "expand 32-byte k". */
const SIGMA = new Uint8Array(Buffer.from('expand 32-byte k'));
const ZERO_NONCE = new Uint8Array(16);
/** tweetnacl has it, its types do not. */
const { crypto_core_hsalsa20: hsalsa20 } = (nacl as unknown as { lowlevel: Lowlevel }).lowlevel;

interface Lowlevel {
  crypto_core_hsalsa20(out: Uint8Array, input: Uint8Array, key: Uint8Array, constant: Uint8Array): void;
}

export function generateKeyPair(random: Random): KeyPair {
  return keyPairFromSecret(random.bytes(KEY_LENGTH));
}

export function keyPairFromSecret(secretKey: Uint8Array): KeyPair {
  return { publicKey: keyPair(secretKey).publicKey, secretKey };
}

export function sharedKey(key: Uint8Array, role: 0 | 1): SharedKey {
  const id = digest('ntmobile shared key id', key);
  return { key, id, idText: textOf(id), role };
}

/** Eight bytes as a key of tables: made for every datagram, so it is cheaper than hex, and not for people. */
export function textOf(bytes: Uint8Array, at = 0): string {
  return String.fromCharCode(
    (bytes[at]! << 8) | bytes[at + 1]!,
    (bytes[at + 2]! << 8) | bytes[at + 3]!,
    (bytes[at + 4]! << 8) | bytes[at + 5]!,
    (bytes[at + 6]! << 8) | bytes[at + 7]!,
  );
}

/** The key that two static or ephemeral identities agree on (crypto_box_beforenm); the smaller public key is role 0. */
export function agreedKey(own: KeyPair, peerPublicKey: Uint8Array): SharedKey {
  const role = Buffer.compare(own.publicKey, peerPublicKey) < 0 ? 0 : 1;
  return sharedKey(boxKey(own.secretKey, peerPublicKey), role);
}

function boxKey(secretKey: Uint8Array, peerPublicKey: Uint8Array): Uint8Array {
  // NaCl takes what a point of low order leads to for a secret, too: the key then is nobody's, but its sender's.
  const point = keyPair(secretKey).agree(peerPublicKey) ?? new Uint8Array(KEY_LENGTH);
  const key = new Uint8Array(KEY_LENGTH);
  hsalsa20(key, ZERO_NONCE, point, SIGMA);
  return key;
}

export function publicKeyId(publicKey: Uint8Array): Uint8Array {
  return digest('ntmobile public key id', publicKey);
}

function digest(purpose: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(purpose).update(bytes).digest().subarray(0, 8));
}

/** For table keys: key ids and the like as text. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
