/**
 * The primitives of the handshake (white paper section 5.4) besides X25519: HMAC and hash over BLAKE2s,
 * ChaCha20-Poly1305. node:crypto has all but keyed BLAKE2s and XChaCha20, which come from the noble libraries.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha';
import { blake2s } from '@noble/hashes/blake2s';
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { TAG_LENGTH } from './constants';

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
