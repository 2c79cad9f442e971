/**
 * The primitives of the handshake (white paper section 5.4): X25519, HMAC and hash over BLAKE2s, ChaCha20-Poly1305.
 * node:crypto has all but keyed BLAKE2s and XChaCha20, which come from the noble libraries.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha';
import { blake2s } from '@noble/hashes/blake2s';
import { createCipheriv, createDecipheriv, createHash, createHmac, diffieHellman } from 'node:crypto';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { KEY_LENGTH, TAG_LENGTH } from './constants';

/** DER around a raw X25519 key (RFC 8410 sections 4 and 7). */
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const ZERO_KEY = Buffer.alloc(KEY_LENGTH);

export interface DhKeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

export function keyPair(secretKey: Uint8Array): DhKeyPair {
  const der = Buffer.concat([PKCS8_PREFIX, secretKey]);
  const privateKey = evenAfterErrors(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { privateKey, publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX.length)) };
}

/**
 * Node's key parsers throw what another call has left in OpenSSL's queue of errors, and so empty it: a program's
 * scryptSync that asked for too much memory is enough.
 */
function evenAfterErrors<T>(parse: () => T): T {
  try {
    return parse();
  } catch {
    return parse();
  }
}

/** The shared secret, or `undefined` for a public key of low order, with which it would be no secret. */
export function dh(own: DhKeyPair, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    const der = Buffer.concat([SPKI_PREFIX, publicKey]);
    const key = evenAfterErrors(() => createPublicKey({ key: der, format: 'der', type: 'spki' }));
    const secret = diffieHellman({ privateKey: own.privateKey, publicKey: key });
    return ZERO_KEY.equals(secret) ? undefined : new Uint8Array(secret);
  } catch {
    return undefined; // OpenSSL refuses low-order points itself
  }
}

export function hash(...parts: (Uint8Array | string)[]): Uint8Array {
  const digest = createHash('blake2s256');
  for (const part of parts) digest.update(part);
  return new Uint8Array(digest.digest());
}

/** Keyed BLAKE2s with 16 bytes of output. */
export function mac(key: Uint8Array, input: Uint8Array): Uint8Array {
  return blake2s(input, { key, dkLen: 16 });
}

/** KDF_n of the white paper: HKDF with HMAC-BLAKE2s. */
export function kdf(chainingKey: Uint8Array, input: Uint8Array, outputs: 1 | 2 | 3): Uint8Array[] {
  const secret = hmac(chainingKey, input);
  const derived: Uint8Array[] = [];
  for (let i = 1; i <= outputs; i++) {
    derived.push(hmac(secret, Buffer.concat([derived[i - 2] ?? new Uint8Array(0), Uint8Array.of(i)])));
  }
  secret.fill(0);
  return derived;
}

/** AEAD of the handshake: counter 0, since every key seals once. */
export function aeadSeal(key: Uint8Array, plaintext: Uint8Array, additional: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, new Uint8Array(12), { authTagLength: TAG_LENGTH });
  cipher.setAAD(additional, { plaintextLength: plaintext.length });
  return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
}

export function aeadOpen(key: Uint8Array, sealed: Uint8Array, additional: Uint8Array): Uint8Array | undefined {
  const split = sealed.length - TAG_LENGTH;
  const cipher = createDecipheriv('chacha20-poly1305', key, new Uint8Array(12), { authTagLength: TAG_LENGTH });
  cipher.setAAD(additional, { plaintextLength: split });
  cipher.setAuthTag(sealed.subarray(split));
  try {
    return new Uint8Array(Buffer.concat([cipher.update(sealed.subarray(0, split)), cipher.final()]));
  } catch {
    return undefined;
  }
}

export function xaeadSeal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additional: Uint8Array,
): Uint8Array {
  return xchacha20poly1305(key, nonce, additional).encrypt(plaintext);
}

export function xaeadOpen(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  additional: Uint8Array,
): Uint8Array | undefined {
  try {
    return xchacha20poly1305(key, nonce, additional).decrypt(sealed);
  } catch {
    return undefined;
  }
}

function hmac(key: Uint8Array, input: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('blake2s256', key).update(input).digest());
}
