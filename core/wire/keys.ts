/** Keys of the signalling: Curve25519 identities, the symmetric keys derived from or distributed under them. */
import { createHash } from 'node:crypto';
import nacl from 'tweetnacl';
import type { Random } from '../runtime';

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
  readonly role: 0 | 1;
}

export const KEY_LENGTH = 32;

export function generateKeyPair(random: Random): KeyPair {
  return nacl.box.keyPair.fromSecretKey(random.bytes(KEY_LENGTH));
}

export function keyPairFromSecret(secretKey: Uint8Array): KeyPair {
  return nacl.box.keyPair.fromSecretKey(secretKey);
}

export function sharedKey(key: Uint8Array, role: 0 | 1): SharedKey {
  return { key, id: digest('ntmobile shared key id', key), role };
}

/** The key that two static or ephemeral identities agree on (crypto_box_beforenm); the smaller public key is role 0. */
export function agreedKey(own: KeyPair, peerPublicKey: Uint8Array): SharedKey {
  const role = Buffer.compare(own.publicKey, peerPublicKey) < 0 ? 0 : 1;
  return sharedKey(nacl.box.before(peerPublicKey, own.secretKey), role);
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
